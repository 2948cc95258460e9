import CONNX
import Graphs
import Tensors

#if !_endian(little)
  #error("raw tensor data is little-endian and read in place")
#endif

/// Why a tensor was refused.
package struct TensorError: Error, Hashable, CustomStringConvertible {
  /// The name in the file; empty if it has none.
  package let tensor: String
  /// What is wrong, as a clause with the tensor for subject.
  package let reason: String
  /// Whether its data should lie in a file that is not there.
  package var isMissingFile = false

  /// One line: the tensor and what is wrong with it.
  package var description: String {
    tensor.isEmpty ? "a tensor without name \(reason)" : "tensor '\(tensor)' \(reason)"
  }
}

/// Makes tensors of TensorProto messages: <https://onnx.ai/onnx/repo-docs/IR.html#tensors>.
struct TensorDecoder: Sendable {
  /// The file that the messages are from.
  let file: FileBytes
  /// The files beside it.
  let externalData: ExternalData

  /// The tensor that `proto` describes. Large payloads and external data are shared, not copied.
  func tensor(_ proto: UnsafePointer<Onnx__TensorProto>) throws(TensorError) -> Tensor {
    try TensorReader(proto: proto, decoder: self).tensor()
  }
}

private struct TensorReader {
  let proto: UnsafePointer<Onnx__TensorProto>
  let decoder: TensorDecoder

  private func refusal(_ reason: String) -> TensorError {
    TensorError(tensor: Field.string(proto.pointee.name), reason: reason)
  }

  func tensor() throws(TensorError) -> Tensor {
    let type = try elementType()
    guard proto.pointee.segment == nil else { throw refusal("is one segment of a larger tensor") }
    let (shape, byteCount) = try shape(of: type)
    switch proto.pointee.data_location {
    case 0: break
    case 1: return try external(type, shape, byteCount)
    case let other: throw refusal("has its data in location \(other), which is unknown")
    }
    guard let field = try dataField(shape) else {
      return Tensor(type, shape, storage: Storage(byteCount: 0))
    }
    if let cut = proto.pointee.cut {
      return try sliced(type, shape, byteCount, field, cut)
    }
    return field == .raw ? try copied(type, shape, byteCount) : try typed(type, shape, field)
  }

  // MARK: Type and shape

  private func elementType() throws(TensorError) -> ElementType {
    guard proto.pointee.has_data_type != 0, proto.pointee.data_type != 0 else {
      throw refusal("has no data type")
    }
    let number = Int(proto.pointee.data_type)
    guard let type = ElementType(onnx: number) else {
      let name = ElementType.onnxName(number)
      throw refusal("has elements of type \(name), which is not supported")
    }
    return type
  }

  private func shape(of type: ElementType) throws(TensorError) -> (Shape, byteCount: Int) {
    let extents = Field.numbers(proto.pointee.dims, proto.pointee.n_dims)
    guard extents.count <= 64 else { throw refusal("has \(extents.count) dimensions") }
    if let extent = extents.first(where: { $0 < 0 }) {
      throw refusal("has the negative dimension \(extent)")
    }
    guard let shape = Shape(checking: extents.map { Int($0) }),
      case let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.size),
      !overflow
    else {
      let dimensions = extents.map(String.init).joined(separator: "x")
      throw refusal("has dimensions that are too large: \(dimensions)")
    }
    return (shape, byteCount)
  }

  // MARK: The field that holds the elements

  private enum DataField: Int32, CaseIterable {
    case float = 4, int32 = 5, string = 6, int64 = 7, raw = 9, double = 10, uint64 = 11

    var name: String { self == .raw ? "raw_data" : "\(self)_data" }
  }

  /// Elements in a field; bytes for raw data; 1 for one that was cut out.
  private func count(_ field: DataField) -> Int {
    if let cut = proto.pointee.cut, cut.pointee.field == field.rawValue { return 1 }
    return switch field {
    case .float: proto.pointee.n_float_data
    case .int32: proto.pointee.n_int32_data
    case .string: proto.pointee.n_string_data
    case .int64: proto.pointee.n_int64_data
    case .raw: proto.pointee.raw_data.len
    case .double: proto.pointee.n_double_data
    case .uint64: proto.pointee.n_uint64_data
    }
  }

  /// The only field with data, or nil if there is none and the tensor is empty.
  private func dataField(_ shape: Shape) throws(TensorError) -> DataField? {
    let fields = DataField.allCases.filter { count($0) > 0 }
    guard fields.count <= 1 else {
      let names = fields.map(\.name).joined(separator: " and ")
      throw refusal("has data twice, in \(names)")
    }
    guard let field = fields.first else {
      guard shape.elementCount == 0 else { throw refusal("has no data for its shape \(shape)") }
      return nil
    }
    guard shape.elementCount > 0 else {
      throw refusal("has data, but its shape \(shape) has no place for any")
    }
    return field
  }

  /// Elements in protobuf's own types lie in the field that ONNX assigns to their type.
  private func requireField(_ field: DataField, for type: ElementType) throws(TensorError) {
    let expected: DataField =
      switch type {
      case .float32: .float
      case .float64: .double
      case .int64: .int64
      case .uint32, .uint64: .uint64
      default: .int32
      }
    guard field == expected else {
      throw refusal("has \(type) elements in \(field.name) instead of \(expected.name)")
    }
  }

  // MARK: Bytes

  private func requireByteCount(
    _ count: Int, _ expected: Int, _ type: ElementType, _ shape: Shape
  ) throws(TensorError) {
    guard count == expected else {
      throw refusal("has \(count) bytes of data where \(shape) \(type) needs \(expected)")
    }
  }

  private func shared(
    _ bytes: UnsafeRawBufferPointer, _ type: ElementType, _ shape: Shape, in file: FileBytes
  ) throws(TensorError) -> Tensor {
    try requireBooleans(bytes, type)
    return Tensor(
      type, shape, storage: Storage(borrowing: bytes, owner: file, isMapped: file.isMapped))
  }

  private func sliced(
    _ type: ElementType, _ shape: Shape, _ byteCount: Int, _ field: DataField,
    _ cut: UnsafePointer<Onnx__TensorProto__Cut>
  ) throws(TensorError) -> Tensor {
    // Packed floats and doubles are bytes like raw data.
    if field != .raw { try requireField(field, for: type) }
    guard
      let bytes = decoder.file.slice(offset: cut.pointee.offset, length: cut.pointee.length)
    else { throw refusal("has data outside of the file") }
    try requireByteCount(bytes.count, byteCount, type, shape)
    return try shared(bytes, type, shape, in: decoder.file)
  }

  private func copied(
    _ type: ElementType, _ shape: Shape, _ byteCount: Int
  ) throws(TensorError) -> Tensor {
    let bytes = Field.bytes(proto.pointee.raw_data)
    try requireByteCount(bytes.count, byteCount, type, shape)
    try requireBooleans(bytes, type)
    let storage = Storage(byteCount: byteCount)
    UnsafeMutableRawBufferPointer(start: storage.base, count: byteCount).copyMemory(from: bytes)
    return Tensor(type, shape, storage: storage)
  }

  private func external(
    _ type: ElementType, _ shape: Shape, _ byteCount: Int
  ) throws(TensorError) -> Tensor {
    if let field = DataField.allCases.first(where: { count($0) > 0 }) {
      throw refusal("has data twice, in \(field.name) and outside of the file")
    }
    let file: FileBytes
    let bytes: UnsafeRawBufferPointer
    do throws(ExternalDataError) {
      let entries = Field.entries(proto.pointee.external_data, proto.pointee.n_external_data)
      let place = try ExternalLocation(entries)
      if byteCount == 0 { return Tensor(type, shape, storage: Storage(byteCount: 0)) }
      (file, bytes) = try decoder.externalData.slice(place, byteCount: byteCount)
    } catch {
      var refusal = refusal(error.reason)
      refusal.isMissingFile = error.isMissingFile
      throw refusal
    }
    return try shared(bytes, type, shape, in: file)
  }

  /// A `Bool` in memory must be 0 or 1.
  private func requireBooleans(
    _ bytes: UnsafeRawBufferPointer, _ type: ElementType
  ) throws(TensorError) {
    guard type == .bool, let index = bytes.firstIndex(where: { $0 > 1 }) else { return }
    throw refusal("has \(bytes[index]) for element \(index), which is no Boolean")
  }

  // MARK: Numbers of protobuf's own types

  private func typed(
    _ type: ElementType, _ shape: Shape, _ field: DataField
  ) throws(TensorError) -> Tensor {
    try requireField(field, for: type)
    guard count(field) == shape.elementCount else {
      throw refusal(
        "has \(count(field)) elements in \(field.name) where \(shape) needs \(shape.elementCount)")
    }
    let floats = Field.numbers(proto.pointee.float_data, proto.pointee.n_float_data)
    let doubles = Field.numbers(proto.pointee.double_data, proto.pointee.n_double_data)
    let signed = Field.numbers(proto.pointee.int64_data, proto.pointee.n_int64_data)
    let unsigned = Field.numbers(proto.pointee.uint64_data, proto.pointee.n_uint64_data)
    let integers = Field.numbers(proto.pointee.int32_data, proto.pointee.n_int32_data)
    return switch type {
    case .float32: Tensor(floats, shape: shape)
    case .float64: Tensor(doubles, shape: shape)
    case .int64: Tensor(signed, shape: shape)
    case .uint64: Tensor(unsigned, shape: shape)
    case .uint32: try narrowed(unsigned, shape) { UInt32(exactly: $0) }
    case .int32: Tensor(integers, shape: shape)
    case .int16: try narrowed(integers, shape) { Int16(exactly: $0) }
    case .int8: try narrowed(integers, shape) { Int8(exactly: $0) }
    case .uint16: try narrowed(integers, shape) { UInt16(exactly: $0) }
    case .uint8: try narrowed(integers, shape) { UInt8(exactly: $0) }
    case .bool: try narrowed(integers, shape) { $0 == 0 ? false : $0 == 1 ? true : nil }
    case .float16:
      try narrowed(integers, shape) { UInt16(exactly: $0).map(Float16.init(bitPattern:)) }
    case .bfloat16:
      try narrowed(integers, shape) { UInt16(exactly: $0).map(BFloat16.init(bitPattern:)) }
    }
  }

  private func narrowed<Source: BinaryInteger, E: Element>(
    _ source: UnsafeBufferPointer<Source>, _ shape: Shape, _ narrow: (Source) -> E?
  ) throws(TensorError) -> Tensor {
    var elements: [E] = []
    elements.reserveCapacity(source.count)
    for (index, number) in source.enumerated() {
      guard let element = narrow(number) else {
        throw refusal("has \(number) for element \(index), which is no \(E.elementType)")
      }
      elements.append(element)
    }
    return Tensor(elements, shape: shape)
  }
}
