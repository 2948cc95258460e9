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
  // Opening a pipe must not wait for its writer, and a device has no end.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0, let file = fdopen(descriptor, "rb") else { throw FileFailure(code: errno) }
  defer { fclose(file) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw FileFailure(code: errno) }
  switch status.st_mode & S_IFMT {
  case S_IFREG: break
  case S_IFDIR: throw FileFailure(code: EISDIR)
  default: throw FileFailure(code: EINVAL)
  }
  var chunk = [UInt8](repeating: 0, count: 1 << 20)
  repeat {
    let count = fread(&chunk, 1, chunk.count, file)
    if ferror(file) != 0 { throw FileFailure(code: errno) }
    let result = chunk.withUnsafeBytes { bytes in
      Result { () throws(FileFailure) in
        try body(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
      }
    }
    try result.get()
  } while feof(file) == 0
}
