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
  guard status.st_size <= limit else { throw FileFailure(code: EFBIG) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 20)
  repeat {
    let count = fread(&chunk, 1, chunk.count, file)
    bytes += chunk.prefix(count)
    if ferror(file) != 0 { throw FileFailure(code: errno) }
    guard bytes.count <= limit else { throw FileFailure(code: EFBIG) }
  } while feof(file) == 0
  return bytes
}
