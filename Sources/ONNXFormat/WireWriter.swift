package import Tensors

/// Writes messages in protobuf's wire format: <https://protobuf.dev/programming-guides/encoding>.
///
/// Large tensors are not copied: they are pieces of their own among the bytes.
package struct WireWriter: Sendable {
  /// Consecutive bytes of the message.
  package enum Piece: Sendable {
    case bytes([UInt8])
    /// The elements of a row-major tensor.
    case elements(Tensor)
  }

  /// What was written so far, in order.
  package private(set) var pieces: [Piece] = []
  /// How many bytes that is.
  package private(set) var count = 0

  /// Tensors of fewer bytes are copied.
  private static let copiedBelow = 1 << 16

  /// An empty message.
  package init() {}

  /// What was written so far, in one array.
  package var bytes: [UInt8] {
    var all: [UInt8] = []
    all.reserveCapacity(count)
    for piece in pieces { piece.withBytes { all.append(contentsOf: $0) } }
    return all
  }

  /// A number of an integer field.
  package mutating func write(_ field: Int, _ number: some BinaryInteger) {
    tag(field, wireType: 0)
    varint(UInt64(truncatingIfNeeded: number))
  }

  /// A number of a float field.
  package mutating func write(_ field: Int, _ number: Float) {
    tag(field, wireType: 5)
    withUnsafeBytes(of: number.bitPattern.littleEndian) { append($0) }
  }

  /// The contents of a string field.
  package mutating func write(_ field: Int, _ text: String) {
    tag(field, wireType: 2)
    varint(UInt64(text.utf8.count))
    append(text.utf8)
  }

  /// The elements of a row-major tensor, in a bytes field.
  package mutating func write(_ field: Int, elementsOf tensor: Tensor) {
    tag(field, wireType: 2)
    varint(UInt64(tensor.byteCount))
    let piece = Piece.elements(tensor)
    if tensor.byteCount < Self.copiedBelow { piece.withBytes { append($0) } } else { append(piece) }
  }

  /// A nested message that `body` writes.
  package mutating func write<Failure: Error>(
    _ field: Int, _ body: (inout WireWriter) throws(Failure) -> Void
  ) throws(Failure) {
    var inner = WireWriter()
    try body(&inner)
    write(field, inner)
  }

  /// A nested message that is written already.
  package mutating func write(_ field: Int, _ message: WireWriter) {
    tag(field, wireType: 2)
    varint(UInt64(message.count))
    for piece in message.pieces { append(piece) }
  }

  /// All numbers of a repeated integer field, packed; nothing if there are none.
  package mutating func writePacked(_ field: Int, _ numbers: [some BinaryInteger]) {
    guard !numbers.isEmpty else { return }
    write(field) { inner in
      for number in numbers { inner.varint(UInt64(truncatingIfNeeded: number)) }
    }
  }

  private mutating func tag(_ field: Int, wireType: UInt64) {
    varint(UInt64(field) << 3 | wireType)
  }

  private mutating func varint(_ number: UInt64) {
    var encoded: [UInt8] = []
    var rest = number
    while rest > 0x7F {
      encoded.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    encoded.append(UInt8(rest))
    append(encoded)
  }

  private mutating func append(_ piece: Piece) {
    switch piece {
    case .bytes(let bytes): append(bytes)
    case .elements(let tensor):
      count += tensor.byteCount
      pieces.append(piece)
    }
  }

  private mutating func append(_ contents: some Collection<UInt8>) {
    count += contents.count
    guard case .bytes(var last)? = pieces.last else {
      pieces.append(.bytes(Array(contents)))
      return
    }
    // Taken out, so that the array has one owner and is not copied.
    pieces.removeLast()
    last.append(contentsOf: contents)
    pieces.append(.bytes(last))
  }
}

extension WireWriter.Piece {
  /// Calls `body` with the bytes.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch self {
    case .bytes(let bytes):
      let result = bytes.withUnsafeBytes { bytes -> Swift.Result<Result, Failure> in
        do throws(Failure) {
          return .success(try body(bytes))
        } catch {
          return .failure(error)
        }
      }
      return try result.get()
    case .elements(let tensor):
      defer { withExtendedLifetime(tensor.storage) {} }
      return try body(UnsafeRawBufferPointer(start: tensor.address, count: tensor.byteCount))
    }
  }
}
