import CONNX

/// The bytes of a file, read-only: mapped, or a copy in memory.
///
/// A mapped file must not be truncated while it is in use; the system ends the process then.
package final class FileBytes: @unchecked Sendable {
  /// Whether the bytes are a file's own, not a copy.
  package let isMapped: Bool

  private let bytes: UnsafeRawBufferPointer
  private let release: @Sendable (UnsafeRawBufferPointer) -> Void

  /// Maps the regular file at `path`.
  package convenience init(mapping path: String) throws(FileProblem) {
    var mapping = connx_mapping()
    let status = connx_map_file(path, &mapping)
    if let problem = FileProblem(status) { throw problem }
    self.init(mapping)
  }

  /// Takes over a mapping.
  init(_ mapping: connx_mapping) {
    self.bytes = UnsafeRawBufferPointer(start: mapping.bytes, count: mapping.length)
    self.isMapped = true
    self.release = { bytes in
      var mapping = connx_mapping(
        bytes: bytes.assumingMemoryBound(to: UInt8.self).baseAddress, length: bytes.count)
      connx_unmap(&mapping)
    }
  }

  /// Copies `contents`, as if they were a file's.
  package init(copying contents: some Collection<UInt8>) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: contents.count, alignment: 64)
    copy.copyBytes(from: contents)
    self.bytes = UnsafeRawBufferPointer(copy)
    self.isMapped = false
    self.release = { $0.deallocate() }
  }

  deinit { release(bytes) }

  /// Bytes in the file.
  package var count: Int { bytes.count }

  /// Calls `body` with all bytes.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }

  /// `length` bytes from `offset` on, or nil if the file does not hold them. Whoever keeps them keeps
  /// this object too.
  package func slice(offset: UInt64, length: UInt64) -> UnsafeRawBufferPointer? {
    let count = UInt64(bytes.count)
    guard offset <= count, length <= count - offset else { return nil }
    return UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<Int(offset + length)])
  }
}
