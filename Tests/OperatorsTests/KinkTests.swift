import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// A place where an operator has no derivative, and what PyTorch 2.13 takes for it.
struct Kink: Sendable, CustomTestStringConvertible {
  let name: String
  var attributes: [String: AttributeValue] = [:]
  let inputs: [Tensor]
  /// The gradients of the first inputs for an output gradient of ones; ONNX rounds Selu's constants
  /// to float32.
  let gradients: [[Double]]

  var testDescription: String { name }
}

/// The conventions at kinks, ties and zeros: those of PyTorch's autograd in float64.
@Suite struct KinkTests {
  private static let low = Tensor(scalar: 0.0)
  private static let high = Tensor(scalar: 6.0)

  private static let kinks: [Kink] = [
    Kink(name: "Relu", inputs: [Tensor([0.0, -0.0])], gradients: [[0, 0]]),
    Kink(
      name: "LeakyRelu", attributes: ["alpha": .float(0.25)], inputs: [Tensor([0.0])],
      gradients: [[0.25]]),
    Kink(name: "PRelu", inputs: [Tensor([0.0]), Tensor([0.25])], gradients: [[0.25], [0]]),
    Kink(
      name: "Elu", attributes: ["alpha": .float(2)], inputs: [Tensor([0.0])], gradients: [[2]]),
    Kink(name: "Selu", inputs: [Tensor([0.0])], gradients: [[1.7580993408473766]]),
    Kink(name: "Celu", inputs: [Tensor([0.0])], gradients: [[1]]),
    Kink(name: "ThresholdedRelu", inputs: [Tensor([1.0])], gradients: [[0]]),
    Kink(name: "Shrink", inputs: [Tensor([0.5, -0.5])], gradients: [[0, 0]]),
    Kink(
      name: "HardSigmoid", attributes: ["alpha": .float(1.0 / 6)],
      inputs: [Tensor([-3.0, 3])], gradients: [[0, 0]]),
    Kink(name: "HardSwish", inputs: [Tensor([-3.0, 3])], gradients: [[0, 1]]),
    Kink(
      name: "Clip", inputs: [Tensor([0.0, 6, -1, 7]), low, high], gradients: [[1, 1, 0, 0]]),
    Kink(name: "Abs", inputs: [Tensor([0.0])], gradients: [[0]]),
    Kink(
      name: "Max", inputs: [Tensor([1.0, 2]), Tensor([1.0, 1])],
      gradients: [[0.5, 1], [0.5, 0]]),
    Kink(
      name: "Min", inputs: [Tensor([1.0, 2]), Tensor([1.0, 1])],
      gradients: [[0.5, 0], [0.5, 1]]),
    Kink(
      name: "Pow", inputs: [Tensor([0.0, 0]), Tensor([2.0, 0])], gradients: [[0, 0], [0, 0]]),
    Kink(
      name: "ReduceMax",
      inputs: [Tensor([1.0, 1, 0, 1, 2, 0], shape: [2, 3]), Tensor([1 as Int64])],
      gradients: [[0.5, 0.5, 0, 0, 1, 0]]),
    Kink(
      name: "ReduceMin", inputs: [Tensor([0.0, 1, 0], shape: [1, 3]), Tensor([1 as Int64])],
      gradients: [[0.5, 0, 0.5]]),
    Kink(
      name: "ReduceProd",
      inputs: [Tensor([0.0, 2, 3, 0, 0, 3], shape: [2, 3]), Tensor([1 as Int64])],
      gradients: [[6, 0, 0, 0, 0, 0]]),
    Kink(name: "ReduceL2", inputs: [Tensor([0.0, 0])], gradients: [[0, 0]]),
  ]

  @Test(arguments: kinks)
  func gradientFollowsPyTorch(kink: Kink) throws {
    let type = try #require(
      Registry.operation(named: kink.name, domain: "", opset: Specification.newestOpset))
    var attributes = Attributes(kink.attributes, inputCount: kink.inputs.count)
    var builder = GraphBuilder()
    let wanted = kink.gradients.indices.map { index in
      builder.input("x\(index)", TensorType(of: kink.inputs[index]))
    }
    let rest = kink.inputs.dropFirst(wanted.count).map { builder.constant($0) }
    let output = try builder.append(type.init(&attributes), wanted + rest)[0]
    builder.setOutputs([output])
    let gradient = try builder.graph.gradient(of: output, withRespectTo: wanted)
    let seed = Tensor(repeating: 1.0, shape: try #require(builder.graph.type(of: output)).shape)
    let results = try Interpreter(gradient.graph, in: Workspace())
      .run(kink.inputs.prefix(wanted.count) + [seed])
    for (result, expected) in zip(results.dropFirst(), kink.gradients) {
      try expectClose(result, Tensor(expected, shape: result.shape), within: 1e-8)
    }
  }
}
