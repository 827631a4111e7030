# Sourced by verify after vm.sh (POSIX sh): fio's example job files, which a test reads. They are Debian's package
# fio-examples, unpacked and never installed, in the directory of the kernels.

# Exports NVMEDIRECT_FIO_EXAMPLES, a directory with fio's *.fio; nothing if they cannot be had.
fio_prepare() {
  unset NVMEDIRECT_FIO_EXAMPLES
  # Images of Debian often leave documentation out, even of packages that are installed.
  fio_examples=/usr/share/doc/fio/examples
  if [ ! -e "$fio_examples/zipf.fio" ]; then
    fio_examples=$vm_cache/fio-examples/usr/share/doc/fio/examples
    [ -e "$fio_examples/zipf.fio" ] || fio_fetch || {
      echo "${0##*/}: fio's examples are not read: Debian's package fio-examples cannot be had by apt-get download" >&2
      return 0
    }
  fi
  export NVMEDIRECT_FIO_EXAMPLES="$fio_examples"
}

# Puts the examples into the cache, whole or not at all.
fio_fetch() {
  command -v apt-get >/dev/null 2>&1 && mkdir -p "$vm_cache" || return 1
  fio_new=$(mktemp -d "$vm_cache/fio.XXXXXX") || return 1
  (
    cd "$fio_new" || exit 1
    apt-get -qq download fio-examples >/dev/null 2>&1 ||
      { [ "$(id -u)" -eq 0 ] && apt-get -qq update >/dev/null 2>&1 && apt-get -qq download fio-examples >/dev/null 2>&1; }
    dpkg -x ./*.deb tree && [ -s tree/usr/share/doc/fio/examples/zipf.fio ]
  ) >/dev/null 2>&1 && { [ -e "$vm_cache/fio-examples" ] || mv "$fio_new/tree" "$vm_cache/fio-examples"; }
  fio_status=$?
  rm -rf "$fio_new"
  return $fio_status
}
