import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// Elementwise operators and reductions refuse what they cannot compute, and never trap on it.
@Suite struct ElementwiseRefusalTests {
  private static let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
  private static let flags = Tensor([true, false])

  private static func int64(_ values: Int64...) -> Tensor { Tensor(values) }

  private static let nodes: [BadNode] = [
    BadNode(name: "Add", inputs: [x, Tensor([1, 2] as [Float])], reason: "do not broadcast"),
    BadNode(name: "Add", inputs: [x, int64(1)], reason: "operands are float32 and int64"),
    BadNode(name: "Add", inputs: [flags, flags], reason: "not defined for bool"),
    BadNode(name: "Add", inputs: [x, nil], reason: "input 1 is missing"),
    BadNode(
      name: "Add", opset: 6, inputs: [x, Tensor([1, 2, 3] as [Float])], reason: "broadcast"),
    BadNode(
      name: "Add", attributes: ["broadcast": .int(1), "axis": .int(.max)], opset: 6,
      inputs: [x, Tensor([1, 2, 3] as [Float])], reason: "from dimension"),
    BadNode(
      name: "Add", attributes: ["broadcast": .int(1), "axis": .int(.min)], opset: 6,
      inputs: [x, Tensor([1, 2, 3] as [Float])], reason: "from dimension"),
    BadNode(name: "Div", inputs: [int64(1), int64(0)], reason: "divided by zero"),
    BadNode(name: "Mod", inputs: [int64(1), int64(0)], reason: "divided by zero"),
    BadNode(name: "Mod", inputs: [x, x], reason: "floats need fmod"),
    BadNode(name: "Pow", inputs: [x, Tensor(scalar: true)], reason: "powers of bool"),
    BadNode(name: "Max", inputs: [x, int64(1)], reason: "float32 and int64"),
    BadNode(name: "PRelu", inputs: [x, Tensor([1, 2] as [Float])], reason: "does not stretch"),
    BadNode(name: "And", inputs: [x, x], reason: "not defined for float32"),
    BadNode(name: "Not", inputs: [x], reason: "not defined for float32"),
    BadNode(name: "BitShift", inputs: [int64(1), int64(1)], reason: "LEFT or RIGHT"),
    BadNode(name: "Less", inputs: [flags, flags], reason: "bool has no order"),
    BadNode(name: "Where", inputs: [x, x, x], reason: "float32 chooses"),
    BadNode(name: "Where", inputs: [flags, x, x], reason: "do not broadcast"),
    BadNode(name: "Sigmoid", inputs: [int64(1)], reason: "not defined for int64"),
    BadNode(name: "Clip", inputs: [x, x], reason: "a bound must be one float32"),
    BadNode(name: "Clip", inputs: [x, int64(0)], reason: "a bound must be one float32"),
    BadNode(name: "Celu", attributes: ["alpha": .float(0)], inputs: [x], reason: "alpha"),
    BadNode(
      name: "Gelu", attributes: ["approximate": .string("cubic")], inputs: [x], reason: "cubic"),
    BadNode(name: "Cast", attributes: ["to": .int(8)], inputs: [x], reason: "not supported"),
    BadNode(name: "Cast", inputs: [x], reason: "must name an element type"),
    BadNode(name: "Dropout", opset: 6, inputs: [x], reason: "is_test"),
    BadNode(name: "Dropout", inputs: [x, nil, Tensor(scalar: true)], reason: "training"),
    BadNode(name: "ReduceSum", inputs: [x, int64(2)], reason: "axis 2 is outside"),
    BadNode(name: "ReduceSum", inputs: [x, int64(.min)], reason: "is outside"),
    BadNode(name: "ReduceSum", inputs: [x, x], reason: "must be integers"),
    BadNode(name: "ReduceSum", opset: 11, inputs: [x, int64(0)], reason: "an attribute before"),
    BadNode(name: "ReduceL2", inputs: [flags], reason: "not defined for bool"),
    BadNode(name: "ArgMax", attributes: ["axis": .int(5)], inputs: [x], reason: "is outside"),
    BadNode(
      name: "ArgMax", inputs: [Tensor([] as [Float], shape: [0, 2])], reason: "no extremum"),
    BadNode(name: "CumSum", inputs: [x, int64(0, 1)], reason: "one integer"),
    BadNode(name: "CumSum", inputs: [x, nil], reason: "one integer"),
    BadNode(name: "Softmax", attributes: ["axis": .int(2)], inputs: [x], reason: "is outside"),
    BadNode(name: "Softmax", inputs: [int64(1)], reason: "not defined for int64"),
    BadNode(
      name: "LayerNormalization", inputs: [x, Tensor([1, 2] as [Float])], reason: "does not fit"),
    BadNode(
      name: "GroupNormalization", attributes: ["num_groups": .int(2)], inputs: [x, x, x],
      reason: "equal groups"),
    BadNode(name: "GroupNormalization", inputs: [x, x, x], reason: "num_groups"),
    BadNode(name: "InstanceNormalization", inputs: [x, x, x], reason: "input 1 must have"),
    BadNode(name: "LpNormalization", attributes: ["p": .int(3)], inputs: [x], reason: "p must"),
  ]

  @Test(arguments: nodes)
  func aBadNodeIsRefused(node: BadNode) throws {
    let type = try #require(
      Registry.operation(named: node.name, domain: "", opset: node.opset))
    do throws(OperatorError) {
      var attributes = Attributes(
        node.attributes, opset: node.opset, inputCount: node.inputs.count,
        outputCount: node.outputCount)
      let operation = try type.init(&attributes)
      _ = try operation.infer(node.inputs.map { $0.map(Operand.init(constant:)) })
      _ = try operation.forward(node.inputs, in: Workspace())
      Issue.record("not refused")
    } catch {
      #expect(error.description.contains(node.reason), "\(error)")
    }
  }
}
