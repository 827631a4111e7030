# Sourced by nvmed and verify after jdk.sh (POSIX sh): what the virtual machine of nvmedirect-vmtest is made
# of. The kernel is Debian's package, unpacked and never installed, in a directory that all clones share.

vm_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nvmedirect

# Exports NVMEDIRECT_KERNEL, a directory with boot/vmlinuz-* and lib/modules/*; or NVMEDIRECT_VM_MISSING, the
# reason why there can be no virtual machine here. Succeeds in both cases, for the tests say which it was.
vm_prepare() {
  unset NVMEDIRECT_KERNEL NVMEDIRECT_VM_MISSING
  vm_lacks=
  if [ "$(uname -m)" != x86_64 ]; then
    vm_lacks="the machine is $(uname -m), and the virtual machine is x86_64"
  else
    # Where mkfs.ext4 is, for users whose PATH has no administration directories.
    PATH=$PATH:/usr/sbin:/sbin
    for vm_need in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static mkfs.ext4:e2fsprogs flock:util-linux; do
      need_command "${vm_need%%:*}" "${vm_need#*:}" || vm_lacks="$vm_lacks ${vm_need#*:}"
    done
    [ -z "$vm_lacks" ] || vm_lacks="not installed:$vm_lacks (apt-get install$vm_lacks)"
  fi
  # For the comparison with io_uring; the guest does without if it cannot be had.
  [ -n "$vm_lacks" ] || need_command fio fio 2>/dev/null || :
  if [ -z "$vm_lacks" ] && ! NVMEDIRECT_KERNEL=$(vm_kernel); then
    vm_lacks="no kernel: Debian's package linux-image-amd64 cannot be had by apt-get download"
  fi
  if [ -z "$vm_lacks" ]; then
    export NVMEDIRECT_KERNEL
  else
    unset NVMEDIRECT_KERNEL
    export NVMEDIRECT_VM_MISSING="$vm_lacks"
    echo "${0##*/}: no virtual machine: $vm_lacks" >&2
  fi
}

# Prints where the kernel is that Debian has now; without the network, the newest that was ever had.
vm_kernel() {
  mkdir -p "$vm_cache" || return 1
  (
    # One at a time, so that half a download is never taken for a kernel.
    flock 9
    rm -rf "$vm_cache"/new.*
    vm_version=$(vm_kernel_version)
    if [ -z "$vm_version" ] || { [ ! -d "$vm_cache/kernel-$vm_version" ] && ! vm_kernel_fetch "$vm_version"; }; then
      # Perhaps the lists of packages are missing or old.
      if [ "$(id -u)" -eq 0 ] && apt-get -qq update >/dev/null 2>&1; then
        vm_version=$(vm_kernel_version)
        [ -z "$vm_version" ] || [ -d "$vm_cache/kernel-$vm_version" ] || vm_kernel_fetch "$vm_version" || true
      fi
    fi
    if [ -z "$vm_version" ] || [ ! -d "$vm_cache/kernel-$vm_version" ]; then
      vm_version=$(vm_kernels | tail -n 1)
    fi
    [ -n "$vm_version" ] && echo "$vm_cache/kernel-$vm_version"
  ) 9>"$vm_cache/lock"
}

# Prints the versions in the cache, the newest last.
vm_kernels() {
  for vm_directory in "$vm_cache"/kernel-*; do
    [ ! -d "$vm_directory" ] || echo "${vm_directory##*/kernel-}"
  done | sort -V
}

# Prints the kernel that linux-image-amd64 means and the version of its package, as 6.1.0-56-amd64_6.1.192-2.
vm_kernel_version() {
  command -v apt-cache >/dev/null 2>&1 || return 0
  vm_package=$(apt-cache depends linux-image-amd64 2>/dev/null |
    sed -n 's/^ *Depends: linux-image-\([0-9][^ ]*\)$/\1/p' | head -n 1)
  [ -z "$vm_package" ] || apt-cache show --no-all-versions "linux-image-$vm_package" 2>/dev/null |
    sed -n "s/^Version: \(.*\)/${vm_package}_\1/p" | head -n 1
}

# Puts the kernel $1 into the cache, whole or not at all, and removes all but the two newest.
vm_kernel_fetch() {
  echo "${0##*/}: downloading Debian's kernel ${1%%_*} for the virtual machine (70 MB)" >&2
  vm_new=$(mktemp -d "$vm_cache/new.XXXXXX") || return 1
  (
    cd "$vm_new" &&
      apt-get -qq download "linux-image-${1%%_*}=${1#*_}" >/dev/null 2>&1 &&
      dpkg -x ./*.deb tree && [ -s "tree/boot/vmlinuz-${1%%_*}" ] && [ -d tree/lib/modules ]
  ) && mv "$vm_new/tree" "$vm_cache/kernel-$1"
  vm_status=$?
  rm -rf "$vm_new"
  vm_kernels | head -n -2 | while read -r vm_old; do
    rm -rf "$vm_cache/kernel-$vm_old"
  done
  return $vm_status
}

# Compiles what has changed, without the static checks, and runs the machine. $1 is the root of the project,
# the rest is for the user: nothing for a shell, or --test and classes.
vm_run() {
  vm_root=$1
  shift
  vm_prepare
  [ -z "${NVMEDIRECT_VM_MISSING:-}" ] || return 3
  vm_module=$vm_root/nvmedirect-vmtest
  mkdir -p "$vm_root/target"
  vm_log=$vm_root/target/nvmed-vm-build.log
  # One build at a time, also beside that of ./nvmed.
  (
    flock 9
    cd "$vm_root" && run_maven -q -ntp -Dstyle.color=never -pl nvmedirect,nvmedirect-testing,nvmedirect-cli,nvmedirect-vmtest -DskipTests \
      -DfailOnWarning=false -Derrorprone.arguments=-Xlint:none process-test-classes
  ) 9<"$vm_root/pom.xml" >"$vm_log" 2>&1 </dev/null || {
    grep '^\[ERROR\] /' "$vm_log" >&2 || cat "$vm_log" >&2
    echo "${0##*/}: the build failed; log: $vm_log" >&2
    return 1
  }
  # The window's size, which a serial line does not carry.
  NVMEDIRECT_TERMINAL=$(stty size 2>/dev/null | sed -n 's/^\([0-9]*\) \([0-9]*\)$/rows \1 cols \2/p')
  [ -z "$NVMEDIRECT_TERMINAL" ] || export NVMEDIRECT_TERMINAL
  exec "$JAVA_HOME/bin/java" -cp "$vm_module/target/test-classes:$vm_module/target/classes:$(cat "$vm_module/target/vm.classpath")" \
    io.nvmedirect.vmtest.machine.Main "$vm_module/target/vm" "$@"
}
