/// Writes protobuf's wire format byte by byte, malformed where a test wants that. Independent of the
/// writer under test.
enum Wire {
  static func varint(_ number: UInt64) -> [UInt8] {
    number < 0x80
      ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + varint(number >> 7)
  }

  static func tag(_ field: Int, _ wireType: UInt64) -> [UInt8] {
    varint(UInt64(field) << 3 | wireType)
  }

  static func number(_ field: Int, _ number: Int64) -> [UInt8] {
    tag(field, 0) + varint(UInt64(bitPattern: number))
  }

  static func bytes(_ field: Int, _ bytes: [UInt8]) -> [UInt8] {
    tag(field, 2) + varint(UInt64(bytes.count)) + bytes
  }

  static func text(_ field: Int, _ text: String) -> [UInt8] { bytes(field, Array(text.utf8)) }

  static func message(_ field: Int, _ fields: [UInt8]...) -> [UInt8] {
    bytes(field, Array(fields.joined()))
  }

  /// Empty messages in one another: `depth` of them, the one at level k in field `path[k]` (taken
  /// round and round).
  static func nested(_ path: [Int], depth: Int) -> [UInt8] {
    var lengths = [0]
    for level in stride(from: depth - 1, to: 0, by: -1) {
      let inner = lengths[lengths.count - 1]
      let tag = tag(path[level % path.count], 2).count
      lengths.append(inner + tag + varint(UInt64(inner)).count)
    }
    var result: [UInt8] = []
    for (level, length) in lengths.reversed().enumerated() {
      result += tag(path[level % path.count], 2) + varint(UInt64(length))
    }
    return result
  }
}

/// A TensorProto.
func tensorProto(
  _ name: String, _ dimensions: [Int64], type: Int64, _ data: [UInt8]
) -> [UInt8] {
  dimensions.flatMap { Wire.number(1, $0) } + Wire.number(2, type) + Wire.text(8, name) + data
}

/// A ValueInfoProto of a float tensor.
func valueInfo(_ name: String, _ dimensions: [Int64]) -> [UInt8] {
  let shape = dimensions.flatMap { Wire.message(1, Wire.number(1, $0)) }
  let type = Wire.message(1, Wire.number(1, 1), Wire.bytes(2, shape))
  return Wire.text(1, name) + Wire.bytes(2, type)
}

/// The fields of a ModelProto: y = x + w, the tensor w given; each field is one element.
func additionModel(
  _ initializer: [UInt8], dimensions: [Int64], opset: Int64 = 13, irVersion: Int64 = 7
) -> [[UInt8]] {
  let node =
    Wire.text(1, "x") + Wire.text(1, "w") + Wire.text(2, "y") + Wire.text(3, "sum")
    + Wire.text(4, "Add")
  let graph =
    Wire.bytes(1, node) + Wire.text(2, "g") + Wire.bytes(5, initializer)
    + Wire.bytes(11, valueInfo("x", dimensions)) + Wire.bytes(12, valueInfo("y", dimensions))
  return [
    Wire.number(1, irVersion), Wire.text(2, "tests"), Wire.bytes(7, graph),
    Wire.message(8, Wire.text(1, ""), Wire.number(2, opset)),
  ]
}

/// The little-endian bytes of floats.
func floatBytes(_ floats: [Float]) -> [UInt8] {
  floats.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 0xFF) } }
}

/// A small sound model; its initializer has 2x3 floats.
func smallModel() -> [[UInt8]] {
  let data = Wire.bytes(9, floatBytes([1, 2, 3, 4, 5, 6]))
  return additionModel(tensorProto("w", [2, 3], type: 1, data), dimensions: [2, 3])
}

/// SplitMix64, so that random tests repeat.
struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
