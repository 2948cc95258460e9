import Foundation
import Synchronization

/// The names of the cases that must pass, one a line: `supported.txt` beside this file.
enum Manifest {
  private static let file = packageRoot.appending(path: "Tests/ConformanceTests/supported.txt")
  private static let lock = Mutex(())

  /// Whether this run writes the manifest instead of being judged by it.
  static let isRecording = ProcessInfo.processInfo.environment["RECORD_MANIFEST"] == "1"

  /// The cases of this set that must pass.
  static func names(of set: BackendSet) throws -> Set<String> {
    Set(try lines().filter { $0.hasPrefix("\(set.rawValue)/") })
  }

  /// Replaces the names of this set and leaves those of the others.
  static func record(_ names: some Collection<String>, of set: BackendSet) throws {
    try lock.withLock { _ in
      let others = try lines().filter { !$0.hasPrefix("\(set.rawValue)/") }
      let text = (others + names).sorted().map { $0 + "\n" }.joined()
      try Data(text.utf8).write(to: file, options: .atomic)
    }
  }

  private static func lines() throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}
