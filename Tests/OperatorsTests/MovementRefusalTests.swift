import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// A node that a damaged or hostile file may hold, and what the refusal says.
struct BadNode: Sendable, CustomTestStringConvertible {
  let name: String
  var attributes: [String: AttributeValue] = [:]
  var opset = Specification.newestOpset
  let inputs: [Tensor?]
  var outputCount = 1
  let reason: String

  var testDescription: String { "\(name): \(reason)" }
}

/// Operators refuse what they cannot compute, and never trap on it.
@Suite struct MovementRefusalTests {
  private static let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])

  private static func int64(_ values: Int64...) -> Tensor { Tensor(values) }

  private static let nodes: [BadNode] = [
    BadNode(name: "Reshape", inputs: [x, int64(4, 2)], reason: "2x3 cannot be reshaped to [4, 2]"),
    BadNode(name: "Reshape", inputs: [x, int64(-1, -1)], reason: "more than one -1"),
    BadNode(name: "Reshape", inputs: [x, int64(0, 0, 0)], reason: "which has none"),
    BadNode(name: "Reshape", inputs: [x, int64(.max, .max)], reason: "no shape"),
    BadNode(name: "Reshape", inputs: [x, int64(-2, -3)], reason: "no shape"),
    BadNode(name: "Reshape", inputs: [x, nil], reason: "input 1 is missing"),
    BadNode(
      name: "Reshape", attributes: ["allowzero": .int(1)], inputs: [x, int64(0, -1)],
      reason: "cannot be reshaped"),
    BadNode(
      name: "Reshape", inputs: [x, Tensor([Int64](repeating: 1, count: 65))],
      reason: "more than 64"),
    BadNode(name: "Flatten", attributes: ["axis": .int(.min)], inputs: [x], reason: "out of range"),
    BadNode(name: "Squeeze", inputs: [x, int64(0)], reason: "extent 0 of 2x3 is not 1"),
    BadNode(name: "Unsqueeze", inputs: [x, int64(0, 0)], reason: "given twice"),
    BadNode(name: "Unsqueeze", inputs: [x, int64(.max)], reason: "out of range"),
    BadNode(
      name: "Transpose", attributes: ["perm": .ints([0, 0])], inputs: [x],
      reason: "not a permutation"),
    BadNode(name: "Concat", inputs: [x, x], reason: "attribute axis is missing"),
    BadNode(
      name: "Concat", attributes: ["axis": .int(0)], inputs: [x, Tensor([1] as [Float])],
      reason: "differ off axis"),
    BadNode(
      name: "Concat", attributes: ["axis": .int(0)], inputs: [x, x.converted(to: .int32)],
      reason: "differ in element type"),
    BadNode(name: "Split", inputs: [x, int64(3, -1)], outputCount: 2, reason: "do not add up"),
    BadNode(name: "Split", inputs: [x, int64(.max, 2)], outputCount: 2, reason: "do not add up"),
    BadNode(name: "Split", opset: 13, inputs: [x], outputCount: 3, reason: "3 equal parts"),
    BadNode(
      name: "Slice", inputs: [x, int64(0), int64(1), int64(0), int64(0)], reason: "a step is 0"),
    BadNode(name: "Slice", inputs: [x, int64(0, 0), int64(1)], reason: "2 starts, 1 ends"),
    BadNode(name: "Slice", inputs: [x, int64(0), int64(1), int64(2)], reason: "out of range"),
    BadNode(name: "Gather", inputs: [x, int64(2)], reason: "index 2 is out of range"),
    BadNode(name: "Gather", inputs: [x, Tensor([0.5])], reason: "indices must be"),
    BadNode(
      name: "GatherElements", inputs: [x, Tensor([0, 0, 0, 0] as [Int64], shape: [1, 4])],
      reason: "do not fit"),
    BadNode(
      name: "GatherND", inputs: [x, Tensor([0, 0, 0] as [Int64], shape: [1, 3])],
      reason: "do not fit"),
    BadNode(
      name: "GatherND", attributes: ["batch_dims": .int(-1)], inputs: [x, int64(0)],
      reason: "do not fit"),
    BadNode(
      name: "GatherND", attributes: ["batch_dims": .int(.max)], inputs: [x, int64(0)],
      reason: "do not fit"),
    BadNode(
      name: "ScatterND", inputs: [x, Tensor([0] as [Int64], shape: [1, 1]), x],
      reason: "updates for"),
    BadNode(
      name: "ScatterElements", attributes: ["reduction": .string("max")], opset: 16,
      inputs: [x, x.converted(to: .int64), x], reason: "not known in opset 16"),
    BadNode(name: "Pad", inputs: [x, int64(.max, 0, 0, 0)], reason: "too large"),
    BadNode(name: "Pad", inputs: [x, int64(.min, 0, 0, 0)], reason: "too large"),
    BadNode(name: "Pad", inputs: [x, int64(-3, 0, 0, 0)], reason: "no shape"),
    BadNode(name: "Pad", inputs: [x, int64(1 << 40, 0, 0, 0)], reason: "more than 2^31"),
    BadNode(name: "Pad", inputs: [x, int64(1)], reason: "1 pads for 2 axes"),
    BadNode(
      name: "Pad", attributes: ["mode": .string("edge")],
      inputs: [Tensor([Float]()), int64(1, 0)], reason: "nothing to pad it with"),
    BadNode(
      name: "Pad", attributes: ["mode": .string("wrap")], opset: 18,
      inputs: [x, int64(0, 0, 0, 0)],
      reason: "not known in opset 18"),
    BadNode(name: "Expand", inputs: [x, int64(4, 3)], reason: "cannot be stretched"),
    BadNode(name: "Expand", inputs: [x, int64(1 << 31, 1, 1)], reason: "more than 2^31"),
    BadNode(name: "Tile", inputs: [x, int64(.max, 1)], reason: "repeated"),
    BadNode(name: "Tile", inputs: [x, int64(-1, 1)], reason: "repeated"),
    BadNode(name: "ConstantOfShape", inputs: [int64(1 << 40)], reason: "more than 2^31"),
    BadNode(name: "ConstantOfShape", inputs: [int64(-1)], reason: "no shape"),
    BadNode(name: "Constant", inputs: [], reason: "not supported"),
    BadNode(
      name: "Range", inputs: [int64(0), int64(.max), int64(1)], reason: "more than 2^31"),
    BadNode(name: "Range", inputs: [int64(0), int64(1), int64(0)], reason: "the delta is 0"),
    BadNode(
      name: "Range", inputs: [Tensor([0.0]), Tensor([Double.infinity]), Tensor([1.0])],
      reason: "more than 2^31"),
    BadNode(
      name: "Range", inputs: [Tensor([0.0]), Tensor([Double.nan]), Tensor([1.0])],
      reason: "elements"),
    BadNode(
      name: "OneHot", inputs: [int64(0), int64(-1), int64(0, 1)], reason: "the depth is -1.0"),
    BadNode(
      name: "OneHot", inputs: [int64(0), Tensor([Double.nan]), int64(0, 1)],
      reason: "the depth is nan"),
    BadNode(name: "TopK", inputs: [x, int64(4)], outputCount: 2, reason: "up to the extent 3"),
    BadNode(name: "Trilu", inputs: [Tensor([1.0])], reason: "not a matrix"),
    BadNode(
      name: "DepthToSpace", attributes: ["blocksize": .int(.max)],
      inputs: [x.reshaped(to: [1, 6, 1, 1])], reason: "are not blocks"),
    BadNode(
      name: "SpaceToDepth", attributes: ["blocksize": .int(0)],
      inputs: [x.reshaped(to: [1, 1, 2, 3])], reason: "positive"),
    BadNode(
      name: "Resize", inputs: [x, nil, Tensor([1, Float.nan])], reason: "an extent of nan"),
    BadNode(
      name: "Resize", inputs: [x, nil, Tensor([1, Float.infinity])], reason: "an extent of inf"),
    BadNode(name: "Resize", inputs: [x, nil, Tensor([1, -1] as [Float])], reason: "an extent of"),
    BadNode(
      name: "Resize", inputs: [x, nil, Tensor([0, 1] as [Float])], reason: "not all positive"),
    BadNode(name: "Resize", inputs: [x, nil, nil, int64(2, .max)], reason: "no shape"),
    BadNode(name: "Resize", inputs: [x], reason: "both missing"),
    BadNode(
      name: "Resize", attributes: ["mode": .string("spline")], inputs: [x], reason: "'spline'"),
    BadNode(
      name: "Resize", inputs: [Tensor([Float]()), nil, nil, int64(2)],
      reason: "nothing to resize"),
    BadNode(
      name: "CenterCropPad", inputs: [x, int64(.max, .max)], reason: "no shape"),
    BadNode(
      name: "ReverseSequence", inputs: [x, int64(3, 0, 0)], reason: "a length of 3"),
    BadNode(
      name: "Einsum", attributes: ["equation": .string("ij->k")], inputs: [x],
      reason: "does not follow"),
    BadNode(
      name: "Einsum", attributes: ["equation": .string("i1")], inputs: [x], reason: "a letter"),
    BadNode(
      name: "Einsum", attributes: ["equation": .string("ij,ij")], inputs: [x], reason: "2 terms"),
    BadNode(
      name: "Einsum", attributes: ["equation": .string("ii")], inputs: [x],
      reason: "stands for 2 and for 3"),
    BadNode(
      name: "Compress", inputs: [x, Tensor([Bool](repeating: true, count: 7))],
      reason: "selects 6"),
  ]

  @Test(arguments: nodes) func badNodesAreRefused(node: BadNode) throws {
    let type = try #require(
      Registry.operation(named: node.name, domain: "", opset: node.opset))
    var attributes = Attributes(
      node.attributes, opset: node.opset, inputCount: node.inputs.count,
      outputCount: node.outputCount)
    do throws(OperatorError) {
      let operation = try type.init(&attributes)
      _ = try operation.infer(node.inputs.map { $0.map(Operand.init(constant:)) })
      _ = try operation.forward(node.inputs, in: Workspace())
      Issue.record("not refused")
    } catch {
      #expect(error.description.contains(node.reason), "\(error)")
      #expect(!error.description.contains("\n"))
    }
  }

  @Test(arguments: [
    ("NonZero", 1), ("Expand", 1), ("Reshape", 1), ("Slice", 2), ("Tile", 1), ("Pad", 1),
    ("ConstantOfShape", 0), ("Compress", 1),
  ]) func shapesThatDependOnValuesAreRefused(name: String, index: Int) throws {
    let type = try #require(
      Registry.operation(named: name, domain: "", opset: Specification.newestOpset))
    var attributes = Attributes()
    let operation = try type.init(&attributes)
    let unknown = Operand(TensorType(name == "Compress" ? .bool : .int64, [2]))
    var operands: [Operand?] = [Operand(TensorType(.float32, [2, 3])), unknown, unknown]
    if index == 0 { operands[0] = unknown }
    if name == "NonZero" { operands = [operands[0]] }
    if name == "Pad" { operands.removeLast() }
    #expect {
      try operation.infer(operands)
    } throws: { error in
      "\(error)".contains("depends on the model's input values")
        || "\(error)".contains("depend on the model's input values")
    }
  }
}
