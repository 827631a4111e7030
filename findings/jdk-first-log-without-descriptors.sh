#!/bin/sh
# Guess: a log record that is made while the process has no file descriptor left is printed (standard error is
# open), or lost.
# Seen: System.Logger.log throws java.lang.Error at its caller, if it is the first record of the process: the
# console formatter initializes the time zones, whose data is a file. The class is unusable from then on, so every
# later record throws NoClassDefFoundError, long after there are descriptors again.
# With: Debian 12's OpenJDK 17.0.21.1; the same was seen with JDK 25.0.3.
# So a library must not let a logger throw where it tells of a lack of descriptors or memory.
set -eu
version=17.0.21.1+2-1~deb12u1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq download "openjdk-17-jre-headless=$version" "openjdk-17-jdk-headless=$version"
for package in ./*.deb; do
  dpkg-deb -x "$package" root
done
# The packages' links point to where they would be installed.
find root -type l | while read -r link; do
  target=$(readlink "$link")
  case $target in
    /etc/*) ln -sfn "$work/root$target" "$link" ;;
  esac
done
java=$work/root/usr/lib/jvm/java-17-openjdk-amd64/bin

cat >Log.java <<'JAVA'
import java.io.FileInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

class Log {
  public static void main(String[] arguments) throws Exception {
    System.Logger logger = System.getLogger("finding");
    logger.isLoggable(System.Logger.Level.WARNING);
    List<FileInputStream> taken = new ArrayList<>();
    try {
      while (true) {
        taken.add(new FileInputStream("/dev/null"));
      }
    } catch (IOException e) {
      // No descriptor is left.
    }
    say("without descriptors", logger);
    for (FileInputStream each : taken) {
      each.close();
    }
    say("with descriptors again", logger);
  }

  static void say(String when, System.Logger logger) {
    try {
      logger.log(System.Logger.Level.WARNING, "a record " + when);
      System.out.println(when + ": logged");
    } catch (Throwable e) {
      System.out.println(when + ": " + e.getClass().getName());
    }
  }
}
JAVA
"$java/javac" -d classes Log.java
ulimit -n 64
"$java/java" -cp classes Log >seen
cat seen
printf '%s\n' 'without descriptors: java.lang.Error' \
  'with descriptors again: java.lang.NoClassDefFoundError' | cmp - seen
