package io.nvmedirect.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nvmedirect.cli.format.Json;
import java.awt.image.BufferedImage;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/**
 * A headless Chromium with one page, told what to do by the DevTools protocol over a pipe: messages are
 * JSON with a zero byte at the end. It ends with this process at the latest, whose end of the pipe closes.
 */
final class Chromium implements AutoCloseable {

  private static final long LIMIT_SECONDS = 120;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Process process;
  private final OutputStream commands;
  private final BlockingQueue<JsonNode> messages = new LinkedBlockingQueue<>();
  private final List<JsonNode> events = new ArrayList<>();
  private final Thread reader;
  private @Nullable String session;
  private int lastId;

  private Chromium(Process process) {
    this.process = process;
    this.commands = process.getOutputStream();
    this.reader = Thread.ofPlatform().daemon().name("chromium").start(this::readMessages);
  }

  /** Where it is; empty if it is not installed. */
  static Optional<Path> program() {
    return Stream.of(System.getenv("PATH").split(":"))
        .map(directory -> Path.of(directory, "chromium"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * @param home an empty directory for all that it writes
   */
  static Chromium start(Path program, Path home) throws IOException {
    List<String> command =
        List.of(
            // The pipe's ends are descriptors 3 and 4.
            "sh",
            "-c",
            "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null",
            "sh",
            program.toString(),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-breakpad",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--remote-debugging-pipe",
            "--user-data-dir=" + home.resolve("profile"),
            "about:blank");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(home.resolve("chromium.log").toFile());
    Map<String, String> environment = builder.environment();
    for (String variable :
        List.of("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")) {
      environment.put(variable, home.toString());
    }
    Chromium chromium = new Chromium(builder.start());
    try {
      chromium.attach();
      return chromium;
    } catch (IOException | RuntimeException e) {
      chromium.close();
      throw new IOException(
          "Chromium does not start: " + Files.readString(home.resolve("chromium.log")), e);
    }
  }

  private void attach() throws IOException {
    JsonNode target = call("Target.createTarget", Json.object("url", "about:blank"));
    session =
        call(
                "Target.attachToTarget",
                Json.object("targetId", target.path("targetId").asText(), "flatten", true))
            .path("sessionId")
            .asText();
    call("Emulation.setFocusEmulationEnabled", Json.object("enabled", true));
    for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
      call(domain + ".enable", Map.of());
    }
  }

  private void readMessages() {
    try (InputStream input = new BufferedInputStream(process.getInputStream())) {
      ByteArrayOutputStream message = new ByteArrayOutputStream();
      for (int next = input.read(); next >= 0; next = input.read()) {
        if (next == 0) {
          messages.add(MAPPER.readTree(message.toByteArray()));
          message.reset();
        } else {
          message.write(next);
        }
      }
    } catch (IOException e) {
      // It has ended; who waits for an answer says so after the limit.
    }
  }

  /** Sends a command and waits for its result. */
  JsonNode call(String method, Map<String, ? extends @Nullable Object> parameters)
      throws IOException {
    int id = ++lastId;
    Map<String, @Nullable Object> command =
        Json.object("id", id, "method", method, "params", parameters);
    if (session != null) {
      command.put("sessionId", session);
    }
    commands.write(MAPPER.writeValueAsBytes(command));
    commands.write(0);
    commands.flush();
    while (true) {
      JsonNode message = next(method);
      if (message.path("id").asInt() == id) {
        if (message.has("error")) {
          throw new IOException(method + ": " + message.path("error"));
        }
        return message.path("result");
      }
      events.add(message);
    }
  }

  private JsonNode next(String awaited) throws IOException {
    try {
      JsonNode message = messages.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
      if (message == null) {
        throw new IOException("no answer to %s in %d s".formatted(awaited, LIMIT_SECONDS));
      }
      return message;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for " + awaited, e);
    }
  }

  /** Sets the width and the height of the window in CSS pixels, and what the user prefers. */
  void look(int width, int height, double pixelRatio, boolean dark) throws IOException {
    call(
        "Emulation.setDeviceMetricsOverride",
        Json.object(
            "width", width,
            "height", height,
            "deviceScaleFactor", pixelRatio,
            "mobile", width < 600));
    call(
        "Emulation.setEmulatedMedia",
        Json.object(
            "features",
            List.of(
                Json.object("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
    settle();
  }

  /** Opens a file and waits until it is drawn. */
  void open(Path page) throws IOException {
    events.clear();
    call("Page.navigate", Json.object("url", page.toUri().toString()));
    while (events.stream().noneMatch(event -> isMethod(event, "Page.loadEventFired"))) {
      events.add(next("Page.loadEventFired"));
    }
    settle();
  }

  private void settle() throws IOException {
    evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))");
  }

  /** The value of an expression, awaited if it is a promise. */
  JsonNode evaluate(String expression) throws IOException {
    JsonNode result =
        call(
            "Runtime.evaluate",
            Json.object(
                "expression", expression,
                "returnByValue", true,
                "awaitPromise", true,
                "userGesture", true));
    if (result.has("exceptionDetails")) {
      throw new IOException(expression + ": " + result.path("exceptionDetails"));
    }
    return result.path("result").path("value");
  }

  /** The whole page, beyond the window. */
  BufferedImage screenshot(double pixelRatio) throws IOException {
    JsonNode size = call("Page.getLayoutMetrics", Map.of()).path("cssContentSize");
    JsonNode shot =
        call(
            "Page.captureScreenshot",
            Json.object(
                "format",
                "png",
                "captureBeyondViewport",
                true,
                "clip",
                Json.object(
                    "x", 0,
                    "y", 0,
                    "width", size.path("width").asInt(),
                    "height", size.path("height").asInt(),
                    "scale", 1)));
    byte[] png = Base64.getDecoder().decode(shot.path("data").asText());
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
    if (image.getWidth() != Math.round(size.path("width").asInt() * pixelRatio)) {
      throw new IOException("screenshot of %d pixels".formatted(image.getWidth()));
    }
    return image;
  }

  /** What went wrong on the page: errors, warnings, exceptions. */
  List<String> complaints() {
    return events.stream()
        .filter(event ->
            isMethod(
                event, "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"))
        .map(JsonNode::toString)
        .toList();
  }

  /** Addresses that the page asked for. */
  List<String> requests() {
    return events.stream()
        .filter(event -> isMethod(event, "Network.requestWillBeSent"))
        .map(event -> event.path("params").path("request").path("url").asText())
        .toList();
  }

  private static boolean isMethod(JsonNode event, String... methods) {
    return Arrays.asList(methods).contains(event.path("method").asText());
  }

  @Override
  public void close() {
    List<ProcessHandle> children = process.descendants().toList();
    try {
      session = null;
      commands.write("{\"id\":0,\"method\":\"Browser.close\"}\0".getBytes(StandardCharsets.UTF_8));
      commands.close();
    } catch (IOException e) {
      // It has ended already.
    }
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      for (ProcessHandle child : children) {
        child.destroyForcibly();
        child.onExit().orTimeout(60, TimeUnit.SECONDS).join();
      }
      reader.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
