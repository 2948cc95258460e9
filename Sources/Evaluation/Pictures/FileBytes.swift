internal import Foundation

/// Why a file could not be read: the system's error number.
struct FileFailure: Error {
  let code: Int32

  /// Whether the path names nothing.
  var isMissing: Bool { code == ENOENT || code == ENOTDIR }

  /// Whether the file has more bytes than were asked for.
  var isTooLarge: Bool { code == EFBIG }

  /// The system's words.
  var reason: String { String(cString: strerror(code)) }
}

/// The bytes of a file that has no more than `limit` of them.
func fileBytes(_ path: String, limit: Int) throws(FileFailure) -> [UInt8] {
  var bytes: [UInt8] = []
  try forEachChunk(ofFile: path) { (chunk) throws(FileFailure) in
    guard bytes.count <= limit - chunk.count else { throw FileFailure(code: EFBIG) }
    bytes += chunk
  }
  return bytes
}

/// Hands the bytes of a regular file to `body`, piece by piece.
func forEachChunk(
  ofFile path: String, _ body: (UnsafeRawBufferPointer) throws(FileFailure) -> Void
) throws(FileFailure) {
  let file = try OpenFile(path)
  var start = 0
  while true {
    let chunk = try file.bytes(from: start, upTo: 1 << 20)
    if chunk.isEmpty { return }
    let result = chunk.withUnsafeBytes { bytes in
      Result { () throws(FileFailure) in try body(bytes) }
    }
    try result.get()
    start += chunk.count
  }
}

/// A regular file that is open for reading, from several threads too.
final class OpenFile: Sendable {
  private let descriptor: Int32

  init(_ path: String) throws(FileFailure) {
    // Opening a pipe must not wait for its writer, and a device has no end.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileFailure(code: errno) }
    switch try status().st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw FileFailure(code: EISDIR)
    default: throw FileFailure(code: EINVAL)
    }
  }

  deinit { close(descriptor) }

  /// How many bytes it has now.
  func size() throws(FileFailure) -> Int { Int(try status().st_size) }

  /// Its bytes from `start` on, `count` of them or what there is.
  func bytes(from start: Int, upTo count: Int) throws(FileFailure) -> [UInt8] {
    var failure: FileFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let found = pread(
          descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(start + filled))
        if found < 0, errno == EINTR { continue }
        if found < 0 { failure = FileFailure(code: errno) }
        if found <= 0 { break }
        filled += found
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private func status() throws(FileFailure) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure(code: errno) }
    return status
  }
}
