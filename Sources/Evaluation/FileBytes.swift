internal import Foundation

/// Why a file could not be read: the system's error number.
struct FileFailure: Error {
  let code: Int32

  /// Whether the path names nothing.
  var isMissing: Bool { code == ENOENT || code == ENOTDIR }

  /// The system's words.
  var reason: String { String(cString: strerror(code)) }
}

/// The bytes of a file, up to 2 GiB: more than any picture or preprocessing needs.
func fileBytes(_ path: String) throws(FileFailure) -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw FileFailure(code: errno) }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 20)
  repeat {
    let count = fread(&chunk, 1, chunk.count, file)
    bytes += chunk.prefix(count)
    if ferror(file) != 0 { throw FileFailure(code: errno) }
  } while feof(file) == 0 && bytes.count <= Int(Int32.max)
  return bytes
}
