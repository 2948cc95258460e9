/// Why bytes are not a tensor in NumPy's `.npy` format.
public struct NPYError: Error, Equatable, CustomStringConvertible {
  /// The reason, in one line.
  public let description: String

  init(_ description: String) { self.description = description }
}

extension Tensor {
  /// The tensor in the bytes of a `.npy` file.
  ///
  /// Read are format versions 1.0 to 3.0, floats of two to eight bytes, integers and Booleans, in
  /// either byte order and in C or Fortran order of elements.
  /// Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
  ///
  /// - Throws: `NPYError` if the bytes are not such a file, or not the whole of it.
  public init(npy bytes: UnsafeRawBufferPointer) throws(NPYError) {
    let header = try NPYHeader(checking: bytes)
    self = header.tensor(of: UnsafeRawBufferPointer(rebasing: bytes[header.byteCount...]))
  }

  /// The tensor in the bytes of a `.npy` file.
  ///
  /// - Throws: `NPYError` if the bytes are not such a file, or not the whole of it.
  public init(npy bytes: [UInt8]) throws(NPYError) {
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(NPYError) in try Tensor(npy: raw) }
    }
    self = try result.get()
  }

  /// The bytes of a `.npy` file, version 1.0, in C order and little-endian; bfloat16, which NumPy
  /// does not know, becomes float32.
  ///
  /// - Precondition: the layout is row-major.
  public func npyData() -> [UInt8] {
    precondition(layout == .rowMajor, "a \(layout) tensor written in row-major order")
    if elementType == .bfloat16 { return converted(to: .float32).npyData() }
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    let tuple = shape.rank > 1 ? String(extents.dropLast()) : extents
    let description = "\(elementType.size > 1 ? "<" : "|")\(elementType.npyCode)"
    var header = "{'descr': '\(description)', 'fortran_order': False, 'shape': (\(tuple)), }"
    let length = (NPYHeader.prefix + header.utf8.count + 1 + 63) / 64 * 64 - NPYHeader.prefix
    header += String(repeating: " ", count: length - 1 - header.utf8.count) + "\n"
    return NPYHeader.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)]
      + Array(header.utf8) + UnsafeRawBufferPointer(start: address, count: byteCount)
  }
}

extension ElementType {
  fileprivate var npyCode: String {
    switch self {
    case .float32, .float64, .float16, .bfloat16: "f\(size)"
    case .int8, .int16, .int32, .int64: "i\(size)"
    case .uint8, .uint16, .uint32, .uint64: "u\(size)"
    case .bool: "b1"
    }
  }

  fileprivate init?(npyCode: some StringProtocol) {
    let known = Self.allCases.first { $0 != .bfloat16 && $0.npyCode == npyCode }
    guard let known else { return nil }
    self = known
  }
}

/// What stands before the elements in a `.npy` file.
package struct NPYHeader: Sendable {
  static let magic = Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) })
  /// Bytes before the dictionary in version 1.0.
  static let prefix = 10
  /// NumPy's own limit.
  private static let maximumRank = 64

  /// The type of the elements.
  package let elementType: ElementType
  /// The extents, outermost first.
  package private(set) var shape: Shape
  /// Whether the first index runs fastest.
  package let isFortranOrder: Bool
  let isBigEndian: Bool
  /// Bytes before the first element.
  package let byteCount: Int
  /// Bytes of the longest header that is read by itself: the longest one of format version 1.0.
  package static let longest = prefix + Int(UInt16.max)

  /// The header of a file of which these are all bytes.
  ///
  /// - Throws: `NPYError` if it is not sound or does not promise as many bytes as follow.
  package init(checking bytes: UnsafeRawBufferPointer) throws(NPYError) {
    try self.init(checking: bytes, fileByteCount: bytes.count)
  }

  /// The header of a file that begins with these bytes and has `fileByteCount` of them.
  ///
  /// - Throws: `NPYError` if it is not sound, longer than these bytes, or does not promise as many as
  ///   the file has.
  package init(checking bytes: UnsafeRawBufferPointer, fileByteCount: Int) throws(NPYError) {
    try self.init(bytes, fileByteCount)
    let promised = shape.elementCount.multipliedReportingOverflow(by: elementType.size)
    let found = fileByteCount - byteCount
    guard !promised.overflow, promised.partialValue == found else {
      let problem = promised.overflow || promised.partialValue > found ? "truncated" : "too long"
      let size = promised.overflow ? "over 2^63" : String(promised.partialValue)
      throw NPYError("\(problem): header promises \(size) bytes, file has \(found)")
    }
  }

  private init(_ bytes: UnsafeRawBufferPointer, _ fileByteCount: Int) throws(NPYError) {
    guard bytes.count >= Self.prefix else {
      throw NPYError("not a .npy file: \(bytes.count) bytes")
    }
    guard bytes.starts(with: Self.magic) else {
      throw NPYError("not a .npy file: it does not start with \\x93NUMPY")
    }
    let version = bytes[6]
    guard (1...3).contains(version) else {
      throw NPYError("not a .npy file: format version \(version) is not known")
    }
    let start = version == 1 ? Self.prefix : 12
    guard bytes.count >= start else {
      throw NPYError("truncated: header promises \(start) bytes, file has \(bytes.count)")
    }
    let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= fileByteCount - start else {
      throw NPYError(
        "truncated: header promises \(start + length) bytes, file has \(fileByteCount)")
    }
    guard length <= bytes.count - start else {
      throw NPYError("a header of \(length) bytes is longer than that of any array of numbers")
    }
    self.byteCount = start + length
    var parser = PythonLiteralParser(bytes[start..<start + length])
    let fields = try parser.dictionary()
    guard case .string(let type)? = fields["descr"],
      case .bool(let fortran)? = fields["fortran_order"],
      case .tuple(let extents)? = fields["shape"], fields.count == 3
    else {
      throw NPYError("not a .npy file: the header lacks 'descr', 'fortran_order' or 'shape'")
    }
    guard let order = type.first, "<>|=".contains(order),
      let elementType = ElementType(npyCode: type.dropFirst())
    else { throw NPYError("element type '\(type.prefix(32))' is not supported") }
    guard extents.count <= Self.maximumRank, let shape = Shape(checking: extents) else {
      throw NPYError(
        "shape (\(extents.prefix(8).map(String.init).joined(separator: ", "))) is too large")
    }
    self.elementType = elementType
    self.shape = shape
    self.isBigEndian = order == ">"
    self.isFortranOrder = fortran
  }

  /// Bytes of the file, as the header promises.
  package var fileByteCount: Int { byteCount + shape.elementCount * elementType.size }

  /// Where a row lies in the file.
  ///
  /// - Precondition: the array has this row, and its rows lie one behind another.
  package func bytes(ofRow index: Int) -> Range<Int> {
    precondition(shape.indices.contains(0) && (0..<shape[0]).contains(index))
    precondition(!isFortranOrder || shape.rank == 1)
    let size = oneRow.elementCount * elementType.size
    return (byteCount + index * size)..<(byteCount + (index + 1) * size)
  }

  /// The row that these bytes of the file are, as a batch of one.
  ///
  /// - Precondition: there are as many bytes as a row has.
  package func row(of bytes: UnsafeRawBufferPointer) -> Tensor {
    var part = self
    part.shape = oneRow
    precondition(bytes.count == oneRow.elementCount * elementType.size)
    return part.tensor(of: bytes)
  }

  private var oneRow: Shape { Shape([1] + shape.dropFirst()) }

  /// The elements in row-major order and in this machine's order of bytes.
  ///
  /// - Precondition: `payload` holds exactly the elements that the header promises.
  func tensor(of payload: UnsafeRawBufferPointer) -> Tensor {
    switch elementType.size {
    case 1: tensor(of: payload, as: UInt8.self)
    case 2: tensor(of: payload, as: UInt16.self)
    case 4: tensor(of: payload, as: UInt32.self)
    default: tensor(of: payload, as: UInt64.self)
    }
  }

  private func tensor<Bits: FixedWidthInteger>(
    of payload: UnsafeRawBufferPointer, as bits: Bits.Type
  ) -> Tensor {
    let storage = Storage(byteCount: payload.count)
    let target = storage.base.bindMemory(to: Bits.self, capacity: shape.elementCount)
    let steps = isFortranOrder ? fortranStrides : shape.strides
    var index = [Int](repeating: 0, count: shape.rank)
    var place = 0
    for position in 0..<shape.elementCount {
      let raw = payload.loadUnaligned(
        fromByteOffset: place * MemoryLayout<Bits>.size, as: Bits.self)
      let value = isBigEndian ? Bits(bigEndian: raw) : Bits(littleEndian: raw)
      target[position] = elementType == .bool ? (value == 0 ? 0 : 1) : value
      for axis in index.indices.reversed() {
        index[axis] += 1
        place += steps[axis]
        if index[axis] < shape[axis] { break }
        place -= steps[axis] * index[axis]
        index[axis] = 0
      }
    }
    return Tensor(elementType, shape, storage: storage)
  }

  private var fortranStrides: [Int] {
    Shape(shape.reversed()).strides.reversed()
  }
}

/// Reads the one form of Python literal that a `.npy` header is: a dictionary of strings, Booleans
/// and tuples of non-negative integers.
private struct PythonLiteralParser {
  enum Literal {
    case string(String)
    case bool(Bool)
    case tuple([Int])
  }

  private var rest: Slice<UnsafeRawBufferPointer>

  init(_ bytes: Slice<UnsafeRawBufferPointer>) { self.rest = bytes }

  mutating func dictionary() throws(NPYError) -> [String: Literal] {
    var fields: [String: Literal] = [:]
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      guard fields.updateValue(try literal(), forKey: key) == nil else { throw malformed }
      guard take(",") || peek() == UInt8(ascii: "}") else { throw malformed }
    }
    guard peek() == nil else { throw malformed }
    return fields
  }

  private mutating func literal() throws(NPYError) -> Literal {
    switch peek() {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "("): return .tuple(try tuple())
    case UInt8(ascii: "["): throw NPYError("structured element types are not supported")
    default:
      if take("True") { return .bool(true) }
      if take("False") { return .bool(false) }
      throw malformed
    }
  }

  private mutating func tuple() throws(NPYError) -> [Int] {
    var extents: [Int] = []
    try expect("(")
    while !take(")") {
      extents.append(try integer())
      guard take(",") || peek() == UInt8(ascii: ")") else { throw malformed }
    }
    return extents
  }

  private mutating func integer() throws(NPYError) -> Int {
    guard let first = peek(), let text = digits(from: first) else { throw malformed }
    guard let value = Int(text) else { throw NPYError("extent \(text.prefix(32)) is too large") }
    _ = take("L")
    return value
  }

  private mutating func digits(from first: UInt8) -> String? {
    let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    guard isDigit(first) else { return nil }
    let run = rest.prefix(while: isDigit)
    rest = rest.dropFirst(run.count)
    return String(decoding: run, as: UTF8.self)
  }

  private mutating func string() throws(NPYError) -> String {
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      let end = rest.dropFirst().firstIndex(of: quote)
    else { throw malformed }
    let text = String(decoding: rest.dropFirst().prefix(upTo: end), as: UTF8.self)
    rest = rest.suffix(from: end + 1)
    return text
  }

  private mutating func expect(_ text: String) throws(NPYError) {
    guard take(text) else { throw malformed }
  }

  private mutating func take(_ text: String) -> Bool {
    _ = peek()
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  /// The next byte that is not white space.
  private mutating func peek() -> UInt8? {
    rest = rest.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
    return rest.first
  }

  private var malformed: NPYError {
    NPYError("not a .npy file: the header is not a dictionary as NumPy writes it")
  }
}
