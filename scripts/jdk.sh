# Sourced by nvmed and verify (POSIX sh): finds a JDK of at least 25 and exports JAVA_HOME.
# Order: JAVA_HOME, the javac on PATH, the usual directories of JVMs (newest first).
# Reads the JDKs' `release` files, so that no JVM is started.

# Prints the feature version of the JDK at $1; nothing if there is no JDK (a JRE has no javac).
jdk_feature() {
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 0
  sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

jdk_good() {
  jdk_found=$(jdk_feature "$1")
  [ -n "$jdk_found" ] && [ "$jdk_found" -ge 25 ]
}

jdk_find() {
  if [ -n "${JAVA_HOME:-}" ] && jdk_good "$JAVA_HOME"; then
    return 0
  fi
  if command -v javac >/dev/null 2>&1; then
    jdk_candidate=$(readlink -f "$(command -v javac)")
    jdk_candidate=${jdk_candidate%/bin/javac}
    if jdk_good "$jdk_candidate"; then
      JAVA_HOME=$jdk_candidate
      return 0
    fi
  fi
  jdk_best=0
  for jdk_candidate in /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* \
    "${HOME:-/root}"/.sdkman/candidates/java/* "${HOME:-/root}"/.jdks/* "${HOME:-/root}"/.local/share/mise/installs/java/*; do
    if jdk_good "$jdk_candidate" && [ "$jdk_found" -gt "$jdk_best" ]; then
      jdk_best=$jdk_found
      jdk_home=$jdk_candidate
    fi
  done
  if [ "$jdk_best" -gt 0 ]; then
    JAVA_HOME=$jdk_home
    return 0
  fi
  echo "${0##*/}: no JDK 25 or newer was found in JAVA_HOME (${JAVA_HOME:-not set}), on PATH or in /usr/lib/jvm." >&2
  echo "${0##*/}: install one (for example Eclipse Temurin 25, a JDK and not a JRE) and set JAVA_HOME to its directory." >&2
  return 1
}

# Installs the Debian package $2 if the command $1 is missing and this is root; says what to do otherwise.
need_command() {
  command -v "$1" >/dev/null 2>&1 && return 0
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "${0##*/}: $1 is missing, installing Debian's package $2" >&2
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$2"; } \
      >/dev/null 2>&1
    command -v "$1" >/dev/null 2>&1 && return 0
  fi
  echo "${0##*/}: $1 is missing; install it with: apt-get install $2" >&2
  return 1
}

jdk_find || exit 1
export JAVA_HOME

# Maven runs on the JDK found above; the flags silence warnings about libraries that Maven itself uses.
run_maven() {
  need_command mvn maven || return 1
  MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED" mvn -B "$@"
}
