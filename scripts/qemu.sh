# Sourced by verify after vm.sh (POSIX sh): a QEMU that speaks vfio-user, which those before 10.1 do not. If the
# installed one does not, it is the one of Debian's backports with its libraries, unpacked and never installed, in
# the directory of the kernels.

qemu_suite=trixie

# Exports NVMEDIRECT_QEMU_VFIO_USER, a program; nothing if there is none, and says so.
qemu_prepare() {
  unset NVMEDIRECT_QEMU_VFIO_USER
  if qemu_is_client qemu-system-x86_64; then
    NVMEDIRECT_QEMU_VFIO_USER=$(command -v qemu-system-x86_64)
  elif [ -x "$vm_cache/qemu-$qemu_suite/qemu" ] || qemu_fetch; then
    NVMEDIRECT_QEMU_VFIO_USER=$vm_cache/qemu-$qemu_suite/qemu
  else
    echo "${0##*/}: no QEMU is a client of ours: Debian's qemu-system-x86 of $qemu_suite-backports cannot be had by apt-get" >&2
    return 0
  fi
  export NVMEDIRECT_QEMU_VFIO_USER
}

# Whether the QEMU $1 has the device; its status does not tell.
qemu_is_client() {
  "$1" -device vfio-user-pci,help 2>/dev/null | grep -q 'socket='
}

# Runs apt-get with lists, packages and a state of its own, as if nothing were installed.
qemu_apt() {
  apt-get -qq -o Dir::Etc::SourceList="$qemu_new/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State="$qemu_new/state" \
    -o Dir::State::status="$qemu_new/status" -o Dir::Cache="$qemu_new/cache" -o APT::Install-Recommends=false \
    -o APT::Sandbox::User="$(id -un)" -o APT::Architecture=amd64 -o Debug::NoLocking=true "$@" >/dev/null 2>&1
}

# Puts it into the cache, whole or not at all.
qemu_fetch() {
  command -v apt-get >/dev/null 2>&1 && [ "$(uname -m)" = x86_64 ] && mkdir -p "$vm_cache" || return 1
  # From where this machine has its own packages.
  qemu_mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep '/debian/*$' | head -n 1)
  qemu_keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -n "$qemu_mirror" ] && [ -r "$qemu_keys" ] || return 1
  echo "${0##*/}: downloading Debian's QEMU of $qemu_suite-backports as a client (40 MB)" >&2
  qemu_new=$(mktemp -d "$vm_cache/new-qemu.XXXXXX") || return 1
  (
    mkdir -p "$qemu_new/state/lists/partial" "$qemu_new/cache/archives/partial" "$qemu_new/tree" && : >"$qemu_new/status" || exit 1
    for qemu_part in "$qemu_suite" "$qemu_suite-backports"; do
      echo "deb [signed-by=$qemu_keys] $qemu_mirror $qemu_part main"
    done >"$qemu_new/sources.list"
    qemu_apt update && qemu_apt --download-only -y -t "$qemu_suite-backports" install qemu-system-x86 || exit 1
    for qemu_deb in "$qemu_new"/cache/archives/*.deb; do
      dpkg -x "$qemu_deb" "$qemu_new/tree" || exit 1
    done
    cat >"$qemu_new/tree/qemu" <<'EOF'
#!/bin/sh
# Its own libraries, and the loader that belongs to them.
root=$(dirname "$(readlink -f "$0")")
exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" \
  "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" "$@"
EOF
    chmod +x "$qemu_new/tree/qemu" && qemu_is_client "$qemu_new/tree/qemu"
  ) && mv "$qemu_new/tree" "$vm_cache/qemu-$qemu_suite"
  qemu_status=$?
  rm -rf "$qemu_new"
  return $qemu_status
}
