import Foundation
import Graphs
import Synchronization

/// Writes files whole or not at all: under a temporary name that is then renamed.
public enum OutputFile {
  private static let pending = Mutex<Set<String>>([])

  /// Writes `bytes` to `path`, replacing a file that is there.
  ///
  /// - Throws: `ModelError` of kind `cannotWrite`; nothing is left behind then.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).partial"
    pending.withLock { _ = $0.insert(temporary) }
    defer { pending.withLock { _ = $0.remove(temporary) } }
    do {
      try Data(bytes).write(to: URL(filePath: temporary))
      guard rename(temporary, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    } catch {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw ModelError("cannot be written: \(reason)", kind: .cannotWrite, file: path)
    }
  }

  /// Makes a folder, and those above it, unless it is there and can be written.
  ///
  /// - Throws: `ModelError` of kind `cannotWrite`.
  public static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ModelError("no folder can be made here", kind: .cannotWrite, file: path)
    }
    guard access(path, W_OK | X_OK) == 0 else {
      let reason = String(cString: strerror(errno))
      throw ModelError("cannot be written: \(reason)", kind: .cannotWrite, file: path)
    }
  }

  /// Removes temporary files that are being written, before an interrupted program ends.
  public static func removePending() {
    for path in pending.withLock({ $0 }) { unlink(path) }
  }
}
