import Foundation
import Synchronization
import TestSupport
import Testing

/// The program under test, run as its users run it.
struct Program {
  /// What a run left behind.
  struct Outcome {
    /// The exit code; nil if a signal ended the program.
    let code: Int32?
    /// The signal that ended the program.
    let signal: Int32?
    let output: String
    let errors: String

    /// The lines on standard error that are no notes.
    var complaints: [String] {
      errors.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("note: ") }
    }

    /// Standard output as one JSON value.
    func json() throws -> Any {
      try JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed)
    }
  }

  /// The root of this package.
  static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// The small classifier that the package ships.
  static let shapes = packageRoot + "/models/shapes.onnx"

  /// A held-out picture that shows a star, number 4 of the classes.
  static let star = packageRoot + "/models/shapes/images/star/000.png"

  /// Built with the tests, it lies beside them.
  static let path: String = {
    let tests = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    var folder = tests.deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appending(path: "ascribe")
      if isExecutable(candidate.path) { return candidate.path }
      folder.deleteLastPathComponent()
    }
    return packageRoot + "/.build/release/ascribe"
  }()

  private static func isExecutable(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: path)
  }

  /// Runs the program to its end, or kills it after `timeout` seconds and fails the test.
  ///
  /// - Parameters:
  ///   - folder: the folder it starts in; the package's root where it is nil.
  ///   - interruptedAfter: seconds until it gets the signal that Ctrl-C sends.
  static func run(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:],
    interruptedAfter seconds: Double? = nil, timeout: Double = 120
  ) throws -> Outcome {
    try run(
      executable: path, arguments, in: folder, environment: environment,
      interruptedAfter: seconds, timeout: timeout)
  }

  /// Runs a line of shell in which `ascribe` is the program.
  static func shell(
    _ line: String, in folder: String? = nil, timeout: Double = 120
  ) throws -> Outcome {
    let folders = URL(filePath: path).deletingLastPathComponent().path
    let search = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return try run(
      executable: "/bin/sh", ["-c", line], in: folder,
      environment: ["PATH": folders + ":" + search], timeout: timeout)
  }

  private static func run(
    executable: String, _ arguments: [String], in folder: String?,
    environment: [String: String], interruptedAfter seconds: Double? = nil, timeout: Double
  ) throws -> Outcome {
    let scratch = try Scratch()
    let (output, errors) = (scratch.path + "/output", scratch.path + "/errors")
    // Idle threads that spin would slow down the programs that other tests run at the same time.
    let environment = ProcessInfo.processInfo.environment
      .merging(["OMP_WAIT_POLICY": "passive", "COLUMNS": "80", "LC_ALL": "C.UTF-8"]) { $1 }
      .merging(environment) { $1 }
    let child = try spawn(
      executable, arguments, environment, folder: folder ?? packageRoot, output: output,
      errors: errors)
    if let seconds {
      Thread.sleep(forTimeInterval: seconds)
      kill(child, SIGINT)
    }
    let deadline = Date(timeIntervalSinceNow: timeout)
    var status: Int32 = 0
    while waitpid(child, &status, WNOHANG) == 0 {
      if Date.now > deadline {
        Issue.record("ascribe \(arguments) did not end within \(timeout) s")
        kill(child, SIGKILL)
      }
      usleep(1000)
    }
    let signal = status & 0x7F
    return Outcome(
      code: signal == 0 ? status >> 8 & 0xFF : nil, signal: signal == 0 ? nil : signal,
      output: try String(contentsOfFile: output, encoding: .utf8),
      errors: try String(contentsOfFile: errors, encoding: .utf8))
  }

  /// Starts a process with files for its output. Foundation's `Process` crashes now and then when
  /// several threads start one.
  private static func spawn(
    _ executable: String, _ arguments: [String], _ environment: [String: String], folder: String,
    output: String, errors: String
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    for (number, path) in [(STDOUT_FILENO, output), (STDERR_FILENO, errors)] {
      posix_spawn_file_actions_addopen(&actions, number, path, O_WRONLY | O_CREAT, 0o600)
    }
    // The threads of a test may block signals.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let prelude = ["/bin/sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", folder]
    var words = (prelude + [executable] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var child: pid_t = 0
    let error = posix_spawn(&child, "/bin/sh", &actions, &attributes, &words, &variables)
    guard error == 0 else { throw POSIXError(POSIXErrorCode(rawValue: error) ?? .ENOENT) }
    return child
  }
}

/// Expects success and silence on standard error, and gives back what was printed.
@discardableResult
func succeeds(
  _ arguments: [String], in folder: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Program.Outcome {
  let outcome = try Program.run(arguments, in: folder)
  #expect(
    outcome.code == 0 && outcome.complaints.isEmpty,
    "\(arguments.joined(separator: " ")): \(outcome.signal.map { "signal \($0)" } ?? "")\(outcome.errors)",
    sourceLocation: sourceLocation)
  return outcome
}

/// Expects one line `error: ...` that holds all of `parts`, the exit code, and no output.
func fails(
  _ arguments: [String], code: Int32, saying parts: [String], in folder: String? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let outcome = try Program.run(arguments, in: folder)
  let context = Comment(rawValue: arguments.joined(separator: " ") + "\n" + outcome.errors)
  #expect(outcome.signal == nil, context, sourceLocation: sourceLocation)
  #expect(outcome.code == code, context, sourceLocation: sourceLocation)
  #expect(outcome.output.isEmpty, context, sourceLocation: sourceLocation)
  #expect(outcome.complaints.count == 1, context, sourceLocation: sourceLocation)
  let line = outcome.complaints.first ?? ""
  #expect(line.hasPrefix("error: "), context, sourceLocation: sourceLocation)
  for part in parts {
    #expect(line.contains(part), "lacks '\(part)': \(line)", sourceLocation: sourceLocation)
  }
}
