import CONNX
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

struct TensorDecodingTests {
  /// Reads a tensor as the only initializer of a model.
  private func decode(_ proto: [UInt8]) throws -> Tensor {
    let file = try ModelFile(bytes: Wire.message(7, Wire.bytes(5, proto)))
    return try file.withModel { model in
      let graph = try #require(model.pointee.graph)
      let tensors = Field.messages(graph.pointee.initializer, graph.pointee.n_initializer)
      return try file.tensor(try #require(tensors.first))
    }
  }

  private func refusal(_ proto: [UInt8]) throws -> String {
    do {
      let tensor = try decode(proto)
      throw Unexpected("\(tensor) was accepted")
    } catch let error as TensorError {
      return error.description
    }
  }

  private func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16) ?? 0
    }
  }

  /// TensorProto messages by onnx 1.22: `helper.make_tensor("t", type, [2, 2], values)` with its
  /// typed field, and the same with `raw_data = numpy_helper.to_array(t).tobytes()`.
  private static let references: [(ElementType, [Double], typed: String, raw: String)] = [
    (
      .float32, [-1.5, 0, 0.25, 2], "08020802100122100000c0bf000000000000803e00000040420174",
      "0802080210014201744a100000c0bf000000000000803e00000040"
    ),
    (
      .uint8, [0, 1, 2, 200], "0802080210022a05000102c801420174",
      "0802080210024201744a04000102c8"
    ),
    (
      .int8, [-2, -1, 0, 100],
      "0802080210032a16feffffffffffffffff01ffffffffffffffffff010064420174",
      "0802080210034201744a04feff0064"
    ),
    (
      .uint16, [0, 1, 2, 60000], "0802080210042a06000102e0d403420174",
      "0802080210044201744a0800000100020060ea"
    ),
    (
      .int16, [-2, -1, 0, 100],
      "0802080210052a16feffffffffffffffff01ffffffffffffffffff010064420174",
      "0802080210054201744a08feffffff00006400"
    ),
    (
      .int32, [-2, -1, 0, 100],
      "0802080210062a16feffffffffffffffff01ffffffffffffffffff010064420174",
      "0802080210064201744a10feffffffffffffff0000000064000000"
    ),
    (
      .int64, [-2, -1, 0, 100],
      "0802080210073a16feffffffffffffffff01ffffffffffffffffff010064420174",
      "0802080210074201744a20feffffffffffffffffffffffffffffff00000000000000006400000000000000"
    ),
    (.bool, [1, 0, 0, 1], "0802080210092a0401000001420174", "0802080210094201744a0401000001"),
    (
      .float16, [-1.5, 0, 0.25, 2], "08020802100a2a0980fc02008068808001420174",
      "08020802100a4201744a0800be000000340040"
    ),
    (
      .float64, [-1.5, 0, 0.25, 2],
      "08020802100b4201745220000000000000f8bf0000000000000000000000000000d03f0000000000000040",
      "08020802100b4201744a20000000000000f8bf0000000000000000000000000000d03f0000000000000040"
    ),
    (
      .uint32, [0, 1, 2, 60000], "08020802100c4201745a06000102e0d403",
      "08020802100c4201744a1000000000010000000200000060ea0000"
    ),
    (
      .uint64, [0, 1, 2, 60000], "08020802100d4201745a06000102e0d403",
      "08020802100d4201744a2000000000000000000100000000000000020000000000000060ea000000000000"
    ),
    (
      .bfloat16, [-1.5, 0, 0.25, 2], "0802080210102a09c0ff0200807d808001420174",
      "0802080210104201744a08c0bf0000803e0040"
    ),
  ]

  @Test(arguments: ElementType.allCases)
  func everyTypeInBothForms(type: ElementType) throws {
    let reference = try #require(Self.references.first { $0.0 == type })
    for hex in [reference.typed, reference.raw] {
      let tensor = try decode(bytes(hex))
      #expect(tensor.elementType == type)
      #expect(tensor.shape == [2, 2])
      #expect(tensor.converted(to: .float64).elements(as: Double.self) == reference.1)
    }
  }

  @Test(arguments: ElementType.allCases)
  func encodingIsThatOfONNX(type: ElementType) throws {
    let reference = try #require(Self.references.first { $0.0 == type })
    let tensor = Tensor(reference.1, shape: [2, 2]).converted(to: type)
    #expect(tensor.encoded(named: "t") == bytes(reference.raw))
  }

  @Test func largeTensorsAreSharedWithTheFile() throws {
    let values = (0..<500).map { Float($0) / 8 }
    for field in [9, 4] {
      let proto = tensorProto("w", [500], type: 1, Wire.bytes(field, floatBytes(values)))
      let scratch = try Scratch()
      let path = try scratch.write("t.pb", proto)
      let file = try TensorFile(contentsOf: path)
      #expect(file.name == "w")
      #expect(file.tensor.elements(as: Float.self) == values)
      // A slice of the mapping lies where the payload lies in its page.
      #expect(Int(bitPattern: file.tensor.address) % 4096 == proto.count - 2000)
      #expect(file.tensor.storage.byteCount == 2000)
    }
  }

  @Test func typedDoublesAreSharedToo() throws {
    let values = (0..<300).map { Double($0) / 8 }
    let payload = values.flatMap { value in
      (0..<8).map { UInt8(value.bitPattern >> (8 * $0) & 0xFF) }
    }
    let tensor = try decode(tensorProto("w", [300], type: 11, Wire.bytes(10, payload)))
    #expect(tensor.elements(as: Double.self) == values)
  }

  @Test func unpackedNumbersAndScalars() throws {
    let unpacked = Wire.number(7, 3) + Wire.number(7, -4)
    #expect(
      try decode(tensorProto("u", [2], type: 7, unpacked)).elements(as: Int64.self) == [3, -4])
    let scalar = try decode(tensorProto("s", [], type: 7, Wire.number(7, 5)))
    #expect(scalar.shape == [])
    #expect(scalar.elements(as: Int64.self) == [5])
  }

  @Test func emptyTensors() throws {
    #expect(try decode(tensorProto("e", [0, 3], type: 1, [])).shape == [0, 3])
    #expect(try decode(tensorProto("e", [0], type: 1, Wire.bytes(9, []))).elementCount == 0)
    let data = Wire.bytes(9, [0, 0, 0, 0])
    #expect(
      try refusal(tensorProto("e", [0], type: 1, data))
        == "tensor 'e' has data, but its shape 0 has no place for any")
  }

  @Test func typesThatAreNotSupported() throws {
    let names: [(Int64, String)] = [
      (8, "string"), (14, "complex64"), (15, "complex128"), (17, "float8e4m3fn"), (21, "uint4"),
      (22, "int4"), (23, "float4e2m1"), (24, "float8e8m0"), (25, "uint2"), (26, "int2"),
      (99, "unknown number 99"), (-1, "unknown number -1"),
    ]
    for (number, name) in names {
      #expect(
        try refusal(tensorProto("t", [1], type: number, Wire.bytes(9, [0])))
          == "tensor 't' has elements of type \(name), which is not supported")
    }
    #expect(try refusal(tensorProto("t", [1], type: 0, [])) == "tensor 't' has no data type")
    #expect(try refusal(Wire.number(1, 1)) == "a tensor without name has no data type")
  }

  @Test func dimensionsThatCannotBe() throws {
    #expect(
      try refusal(tensorProto("t", [2, -3], type: 1, []))
        == "tensor 't' has the negative dimension -3")
    for dimensions in [
      [.max], [1 << 32, 1 << 32], [1 << 61, 4], [0, 1 << 62, 1 << 62], [.max, .max, 0],
    ] as [[Int64]] {
      let reason = try refusal(tensorProto("t", dimensions, type: 1, []))
      #expect(reason.hasPrefix("tensor 't' has dimensions that are too large: "))
    }
    #expect(
      try refusal(tensorProto("t", [Int64](repeating: 1, count: 65), type: 1, []))
        == "tensor 't' has 65 dimensions")
  }

  @Test func dataThatDoesNotFit() throws {
    let four = floatBytes([1, 2, 3, 4])
    #expect(
      try refusal(tensorProto("t", [5], type: 1, Wire.bytes(9, four)))
        == "tensor 't' has 16 bytes of data where 5 float32 needs 20")
    #expect(
      try refusal(tensorProto("t", [5], type: 1, Wire.bytes(4, four)))
        == "tensor 't' has 4 elements in float_data where 5 needs 5")
    #expect(
      try refusal(tensorProto("t", [1 << 40], type: 1, Wire.bytes(9, four)))
        == "tensor 't' has 16 bytes of data where 1099511627776 float32 needs 4398046511104")
    let large = [UInt8](repeating: 0, count: 2000)
    #expect(
      try refusal(tensorProto("t", [5], type: 1, Wire.bytes(9, large)))
        == "tensor 't' has 2000 bytes of data where 5 float32 needs 20")
  }

  @Test func dataInTheWrongPlace() throws {
    let four = floatBytes([1, 2, 3, 4])
    #expect(
      try refusal(tensorProto("t", [4], type: 1, [])) == "tensor 't' has no data for its shape 4")
    #expect(
      try refusal(tensorProto("t", [4], type: 1, Wire.bytes(4, four) + Wire.bytes(9, four)))
        == "tensor 't' has data twice, in float_data and raw_data")
    #expect(
      try refusal(tensorProto("t", [4], type: 7, Wire.bytes(4, four)))
        == "tensor 't' has int64 elements in float_data instead of int64_data")
    let large = [UInt8](repeating: 0, count: 2000)
    #expect(
      try refusal(tensorProto("t", [250], type: 7, Wire.bytes(10, large)))
        == "tensor 't' has int64 elements in double_data instead of int64_data")
    #expect(
      try refusal(
        tensorProto("t", [500], type: 1, Wire.bytes(9, large) + Wire.bytes(4, four)))
        == "tensor 't' has data twice, in float_data and raw_data")
    #expect(
      try refusal(tensorProto("t", [1], type: 1, Wire.bytes(3, []) + Wire.bytes(4, four)))
        == "tensor 't' is one segment of a larger tensor")
    #expect(
      try refusal(tensorProto("t", [1], type: 1, Wire.number(14, 7)))
        == "tensor 't' has its data in location 7, which is unknown")
  }

  @Test func integersOutOfRange() throws {
    let cases: [(Int64, Int64, String)] = [
      (2, 256, "uint8"), (2, -1, "uint8"), (3, 128, "int8"), (4, 65536, "uint16"),
      (5, -32769, "int16"), (9, 2, "bool"), (10, 65536, "float16"), (16, -1, "bfloat16"),
    ]
    for (type, number, name) in cases {
      let data = Wire.number(5, 1) + Wire.number(5, number)
      #expect(
        try refusal(tensorProto("t", [2], type: type, data))
          == "tensor 't' has \(number) for element 1, which is no \(name)")
    }
    #expect(
      try refusal(tensorProto("t", [1], type: 12, Wire.number(11, 1 << 32)))
        == "tensor 't' has 4294967296 for element 0, which is no uint32")
  }

  @Test(arguments: [3, 3000])
  func bytesThatAreNoBooleans(count: Int) throws {
    let data = [UInt8](repeating: 1, count: count - 1) + [2]
    #expect(
      try refusal(tensorProto("t", [Int64(count)], type: 9, Wire.bytes(9, data)))
        == "tensor 't' has 2 for element \(count - 1), which is no Boolean")
  }
}
