import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// A node that an operator must refuse, at its attributes or at its operands.
struct Refusal: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let operation: String
  let attributes: [String: AttributeValue]
  let opset: Int
  let outputCount: Int
  let inputs: [TensorType?]

  init(
    _ description: String, _ operation: String, with attributes: [String: AttributeValue] = [:],
    opset: Int = 22, outputCount: Int = 1, _ shapes: Shape?..., type: ElementType = .float32
  ) {
    testDescription = "\(operation): \(description)"
    self.operation = operation
    self.attributes = attributes
    self.opset = opset
    self.outputCount = outputCount
    inputs = shapes.map { $0.map { TensorType(type, $0) } }
  }

  static let huge = Int(Int32.max)

  static let all: [Refusal] = [
    Refusal("a matrix", "Conv", [1, 3], [4, 3]),
    Refusal("four spatial dimensions", "Conv", [1, 1, 2, 2, 2, 2], [1, 1, 1, 1, 1, 1]),
    Refusal("weights of another rank", "Conv", [1, 3, 8, 8], [4, 3, 3]),
    Refusal("channels that differ", "Conv", [1, 3, 8, 8], [4, 2, 3, 3]),
    Refusal("group 0", "Conv", with: ["group": .int(0)], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal("a negative group", "Conv", with: ["group": .int(-1)], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal(
      "outputs that do not split", "Conv", with: ["group": .int(2)], [1, 4, 8, 8], [3, 2, 3, 3]),
    Refusal(
      "inputs that do not split", "Conv", with: ["group": .int(2)], [1, 3, 8, 8], [4, 1, 3, 3]),
    Refusal("no channels", "Conv", [1, 0, 8, 8], [4, 0, 3, 3]),
    Refusal("no output channels", "Conv", [1, 3, 8, 8], [0, 3, 3, 3]),
    Refusal("an empty kernel", "Conv", [1, 3, 8, 8], [4, 3, 0, 3]),
    Refusal("a kernel larger than the input", "Conv", [1, 3, 2, 8], [4, 3, 3, 3]),
    Refusal(
      "kernel_shape that is not the weights'", "Conv", with: ["kernel_shape": .ints([5, 5])],
      [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal("stride 0", "Conv", with: ["strides": .ints([0, 1])], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal(
      "one stride for two", "Conv", with: ["strides": .ints([1])], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal(
      "dilation 0", "Conv", with: ["dilations": .ints([1, 0])], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal(
      "a dilation beyond bounds", "Conv", with: ["dilations": .ints([huge, huge])], [1, 3, 8, 8],
      [4, 3, 3, 3]),
    Refusal(
      "negative pads", "Conv", with: ["pads": .ints([0, -1, 0, 0])], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal("three pads", "Conv", with: ["pads": .ints([0, 1, 0])], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal("pads for one", "Conv", with: ["pads": .ints([1, 1])], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal(
      "pads beyond bounds", "Conv", with: ["pads": .ints([Int.max, 0, 0, 0])], [1, 3, 8, 8],
      [4, 3, 3, 3]),
    Refusal("auto_pad", "Conv", with: ["auto_pad": .string("SAME")], [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal("a bias of another length", "Conv", [1, 3, 8, 8], [4, 3, 3, 3], [3]),
    Refusal("a bias matrix", "Conv", [1, 3, 8, 8], [4, 3, 3, 3], [4, 1]),
    Refusal("integers", "Conv", [1, 3, 8, 8], [4, 3, 3, 3], type: .int32),
    Refusal("weights left out", "Conv", [1, 3, 8, 8], nil),
    Refusal("channels that differ", "ConvTranspose", [1, 3, 8, 8], [4, 3, 3, 3]),
    Refusal("group 0", "ConvTranspose", with: ["group": .int(0)], [1, 3, 8], [3, 3, 3]),
    Refusal(
      "output_padding of the stride", "ConvTranspose",
      with: ["strides": .ints([2]), "output_padding": .ints([2])], [1, 1, 8], [1, 1, 3]),
    Refusal(
      "an output_shape beyond reach", "ConvTranspose", with: ["output_shape": .ints([99])],
      [1, 1, 8],
      [1, 1, 3]),
    Refusal(
      "an output_shape of another rank", "ConvTranspose", with: ["output_shape": .ints([9, 9])],
      [1, 1, 8], [1, 1, 3]),
    Refusal(
      "output_shape 0", "ConvTranspose", with: ["output_shape": .ints([0])], [1, 1, 8], [1, 1, 3]),
    Refusal(
      "pads that leave nothing", "ConvTranspose", with: ["pads": .ints([5, 5])], [1, 1, 8],
      [1, 1, 3]),
    Refusal(
      "negative pads", "ConvTranspose", with: ["pads": .ints([-1, 0])], [1, 1, 8], [1, 1, 3]),
    Refusal(
      "strides beyond bounds", "ConvTranspose", with: ["strides": .ints([Int.max])], [1, 1, 8],
      [1, 1, 3]),
    Refusal("an empty input", "ConvTranspose", [1, 1, 0], [1, 1, 3]),
    Refusal("no kernel_shape", "MaxPool", [1, 1, 8]),
    Refusal(
      "a kernel of another rank", "MaxPool", with: ["kernel_shape": .ints([2])], [1, 1, 8, 8]),
    Refusal("a vector", "MaxPool", with: ["kernel_shape": .ints([])], [8]),
    Refusal(
      "pads as wide as the window", "MaxPool",
      with: ["kernel_shape": .ints([2]), "pads": .ints([0, 2])], [1, 1, 8]),
    Refusal(
      "a window larger than the input", "MaxPool", with: ["kernel_shape": .ints([9])], [1, 1, 8]),
    Refusal("Booleans", "MaxPool", with: ["kernel_shape": .ints([2])], [1, 1, 8], type: .bool),
    Refusal(
      "pads as wide as the window", "AveragePool",
      with: ["kernel_shape": .ints([2]), "pads": .ints([2, 0])], [1, 1, 8]),
    Refusal(
      "integers", "AveragePool", with: ["kernel_shape": .ints([2])], [1, 1, 8], type: .int32),
    Refusal("a matrix", "GlobalAveragePool", [1, 8]),
    Refusal("nothing to pool", "GlobalMaxPool", [1, 8, 0]),
    Refusal("columns and rows that differ", "MatMul", [2, 3], [2, 3]),
    Refusal("a scalar", "MatMul", [], [2, 3]),
    Refusal("stacks that differ", "MatMul", [2, 2, 3], [3, 3, 2]),
    Refusal("columns and rows that differ", "Gemm", [2, 3], [2, 3]),
    Refusal("a stack", "Gemm", [1, 2, 3], [3, 2]),
    Refusal("C that does not stretch", "Gemm", [2, 3], [3, 2], [3]),
    Refusal("C larger than the product", "Gemm", [1, 3], [3, 2], [2, 2]),
    Refusal("C that needs `broadcast`", "Gemm", opset: 6, [2, 3], [3, 2], [2]),
    Refusal("no size", "LRN", [1, 3, 2]),
    Refusal("size 0", "LRN", with: ["size": .int(0)], [1, 3, 2]),
    Refusal("a vector", "LRN", with: ["size": .int(3)], [3]),
    Refusal(
      "training", "BatchNormalization", with: ["training_mode": .int(1)], [1, 2, 3], [2], [2], [2],
      [2]),
    Refusal("training by default", "BatchNormalization", opset: 6, [1, 2], [2], [2], [2], [2]),
    Refusal("saved statistics", "BatchNormalization", outputCount: 3, [1, 2], [2], [2], [2], [2]),
    Refusal(
      "per element", "BatchNormalization", with: ["spatial": .int(0)], opset: 8,
      [1, 2], [2], [2], [2], [2]),
    Refusal("a vector of another length", "BatchNormalization", [1, 2, 3], [2], [2], [3], [2]),
  ]
}

@Suite struct ConvolutionRefusalTests {
  @Test(arguments: Refusal.all) func malformedNodesAreRefused(test: Refusal) throws {
    let type = try #require(
      Registry.operation(named: test.operation, domain: "", opset: test.opset))
    var attributes = Attributes(
      test.attributes, opset: test.opset, inputCount: test.inputs.count,
      outputCount: test.outputCount)
    #expect(throws: OperatorError.self) {
      let operation = try type.init(&attributes)
      _ = try operation.infer(test.inputs.map { $0.map { Operand($0) } })
    }
  }

  @Test func attributesOfOtherOpsetsAreLeftOver() throws {
    var attributes = Attributes(
      ["kernel_shape": .ints([2]), "dilations": .ints([1]), "count_include_pad": .int(1)],
      opset: 9)
    _ = try MaxPool(&attributes)
    #expect(attributes.untaken == ["count_include_pad", "dilations"])
  }

  @Test func aBiasBreaksHomogeneityUnlessItIsZero() throws {
    var attributes = Attributes()
    let convolution = try Conv(&attributes)
    let (x, weights) = (HomogeneityOperand(.exactly(1)), HomogeneityOperand(.exactly(0)))
    #expect(try convolution.homogeneity([x, weights]) == .exactly(1))
    #expect(
      try convolution.homogeneity([x, weights, HomogeneityOperand(.zero)]) == .exactly(1))
    #expect(throws: Inhomogeneity.self) {
      try convolution.homogeneity([x, weights, HomogeneityOperand(.exactly(0))])
    }
    #expect(try MatMul().homogeneity([x, x]) == .exactly(2))
    #expect(
      try Gemm(beta: 0).homogeneity([x, weights, HomogeneityOperand(.exactly(0))])
        == .exactly(1))
  }
}
