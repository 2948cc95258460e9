/// Writes messages in protobuf's wire format: <https://protobuf.dev/programming-guides/encoding>.
package struct WireWriter {
  /// What was written so far.
  package private(set) var bytes: [UInt8] = []

  /// An empty message.
  package init() {}

  /// A number of an integer field.
  package mutating func write(_ field: Int, _ number: some BinaryInteger) {
    tag(field, wireType: 0)
    varint(UInt64(truncatingIfNeeded: number))
  }

  /// A number of a float field.
  package mutating func write(_ field: Int, _ number: Float) {
    tag(field, wireType: 5)
    withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// The contents of a string field.
  package mutating func write(_ field: Int, _ text: String) { payload(field, text.utf8) }

  /// The contents of a bytes field.
  package mutating func write(_ field: Int, _ contents: UnsafeRawBufferPointer) {
    payload(field, contents)
  }

  /// A nested message that `body` writes.
  package mutating func write(_ field: Int, _ body: (inout WireWriter) -> Void) {
    var inner = WireWriter()
    body(&inner)
    payload(field, inner.bytes)
  }

  /// All numbers of a repeated integer field, packed; nothing if there are none.
  package mutating func writePacked(_ field: Int, _ numbers: [some BinaryInteger]) {
    guard !numbers.isEmpty else { return }
    var inner = WireWriter()
    for number in numbers { inner.varint(UInt64(truncatingIfNeeded: number)) }
    payload(field, inner.bytes)
  }

  private mutating func payload(_ field: Int, _ contents: some Collection<UInt8>) {
    tag(field, wireType: 2)
    varint(UInt64(contents.count))
    bytes.append(contentsOf: contents)
  }

  private mutating func tag(_ field: Int, wireType: UInt64) {
    varint(UInt64(field) << 3 | wireType)
  }

  private mutating func varint(_ number: UInt64) {
    var rest = number
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
