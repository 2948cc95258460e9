import Foundation
import Graphs
package import ONNXFormat
import Synchronization

/// Writes files whole or not at all: under a temporary name that is then renamed.
public enum OutputFile {
  private static let pending = Mutex<Set<String>>([])

  /// Writes `bytes` to `path`, replacing a file that is there.
  ///
  /// - Throws: `ModelError` of kind `cannotWrite`; nothing is left behind then.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    try write([.bytes(bytes)], to: path)
  }

  /// Writes pieces one after the other to `path`.
  ///
  /// - Parameter check: is given the temporary name of the whole file; what it throws ends the writing.
  /// - Throws: `ModelError` of kind `cannotWrite`, or what `check` throws; nothing is left behind then.
  package static func write(
    _ pieces: [WireWriter.Piece], to path: String, check: (String) throws -> Void = { _ in }
  ) throws {
    let path = try target(of: path)
    let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).partial"
    let file = pending.withLock { pending in
      pending.insert(temporary)
      return fopen(temporary, "wb")
    }
    defer { pending.withLock { _ = $0.remove(temporary) } }
    guard let file else { throw failure(path, errno) }
    let isWritten =
      pieces.allSatisfy { piece in
        piece.withBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
      } && fflush(file) == 0
    let problem = errno
    guard fclose(file) == 0, isWritten else {
      let failure = failure(path, isWritten ? errno : problem)
      unlink(temporary)
      throw failure
    }
    do {
      try check(temporary)
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let failure = failure(path, errno)
      unlink(temporary)
      throw failure
    }
  }

  /// Refuses a path that nothing can be written to, before long work begins.
  public static func requireWritable(_ path: String) throws {
    let folder = URL(filePath: try target(of: path)).deletingLastPathComponent().path
    guard access(folder, W_OK | X_OK) == 0 else { throw failure(path, errno) }
  }

  /// The file that a path means: what a link leads to.
  ///
  /// - Throws: `ModelError` of kind `cannotWrite` if there is a folder, device or pipe.
  private static func target(of path: String) throws -> String {
    var (link, status) = (stat(), stat())
    guard lstat(path, &link) == 0 else { return path }
    guard stat(path, &status) == 0 else {
      throw ModelError("the link leads nowhere", kind: .cannotWrite, file: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ModelError(
        status.st_mode & S_IFMT == S_IFDIR ? "there is a folder of this name" : "it is no file",
        kind: .cannotWrite, file: path)
    }
    return link.st_mode & S_IFMT == S_IFLNK
      ? URL(filePath: path).resolvingSymlinksInPath().path : path
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
    guard access(path, W_OK | X_OK) == 0 else { throw failure(path, errno) }
  }

  /// Removes what is half written and then ends the program; other threads write nothing meanwhile.
  public static func abandon(_ end: () -> Never) -> Never {
    pending.withLock { pending in
      for path in pending { unlink(path) }
      end()
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> ModelError {
    ModelError(
      "cannot be written: \(String(cString: strerror(code)))", kind: .cannotWrite, file: path)
  }
}
