package import CONNX

/// A message that passed the wire scan, decoded without its large payloads.
///
/// Immutable, so threads may share it.
package final class DecodedMessage: @unchecked Sendable {
  private var skeleton = connx_skeleton()
  private var decoded = connx_decoded()

  /// Scans and decodes the contents of a file, which is not needed afterwards.
  package init(_ file: FileBytes, as root: connx_root) throws(WireError) {
    let status = file.withBytes { bytes in
      let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      return connx_scan(start, bytes.count, root, &skeleton)
    }
    if let error = WireError(status) { throw error }
    let budget = connx_budget(skeleton.length)
    if let error = WireError(connx_decode(&skeleton, root, budget, &decoded)) { throw error }
  }

  deinit {
    connx_decoded_free(&decoded)
    connx_skeleton_free(&skeleton)
  }

  /// Calls `body` with what was decoded: the message without large payloads and unknown fields.
  package func withSkeleton<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    defer { withExtendedLifetime(self) {} }
    return body(UnsafeRawBufferPointer(start: skeleton.bytes, count: skeleton.length))
  }

  /// Fields that were dropped because the schema does not know them.
  package var droppedFieldCount: Int { skeleton.dropped }

  /// Calls `body` with the decoded C structure.
  ///
  /// - Precondition: `Message` is the type of the root that was decoded.
  func withMessage<Message, Result, Failure: Error>(
    as type: Message.Type, _ body: (UnsafePointer<Message>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let message = decoded.message else { preconditionFailure("nothing was decoded") }
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawPointer(message).assumingMemoryBound(to: type))
  }
}

/// Reading the fields of decoded C structures.
package enum Field {
  /// The messages of a repeated field.
  package static func messages<Message>(
    _ items: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int
  ) -> [UnsafePointer<Message>] {
    UnsafeBufferPointer(start: items, count: count).compactMap { $0.map { UnsafePointer($0) } }
  }

  /// The numbers of a repeated field.
  package static func numbers<Number>(
    _ items: UnsafeMutablePointer<Number>?, _ count: Int
  ) -> UnsafeBufferPointer<Number> {
    UnsafeBufferPointer(start: items, count: count)
  }

  /// The strings of a repeated field.
  package static func strings(
    _ items: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int
  ) -> [String] {
    UnsafeBufferPointer(start: items, count: count).map { string($0) }
  }

  /// A string, empty if the field is absent. The scan has seen to its being UTF-8 without NUL.
  package static func string(_ text: UnsafeMutablePointer<CChar>?) -> String {
    text.map { String(cString: $0) } ?? ""
  }

  /// The contents of a field of bytes.
  package static func bytes(_ data: ProtobufCBinaryData) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: data.data, count: data.len)
  }

  /// The contents of a field of bytes as text, or nil if they are not UTF-8.
  package static func text(_ data: ProtobufCBinaryData) -> String? {
    String(validating: bytes(data), as: UTF8.self)
  }

  /// Keys and values in the order of the file.
  package static func entries(
    _ items: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__StringStringEntryProto>?>?,
    _ count: Int
  ) -> [(key: String, value: String)] {
    messages(items, count).map { (string($0.pointee.key), string($0.pointee.value)) }
  }
}
