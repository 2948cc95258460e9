import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// Every rule for files is run: what it appends must compute what the operator computes.
@Suite struct LoweringTests {
  /// Operators of passes that come after differentiation, for the interpreter alone.
  private static let withoutRule: Set = [
    "ChangePrecision", "FusedConvolution", "MaxPoolScatter", "PathPoints", "RecordSigns",
    "RecordingMaxPool", "SignedSum", "WeightedSum",
  ]

  private static let internalCases = OperatorCase.all.filter {
    $0.type.specification.domain == Specification.internalDomain
      && !withoutRule.contains($0.type.specification.name)
  }

  /// What no file of an opset can hold: forms that came later, and running products.
  private static func isRefused(_ test: OperatorCase, _ opset: Int) -> Bool {
    let isOld = opset < 18
    return switch (test.type.specification.name, test.example.description) {
    case ("ReduceProd", _), ("GatherND", "a row per sample"): true
    case ("AveragePool", "dilations"), ("Pad", "wrapped"): isOld
    case ("ReduceSumSquare", "no axes: squares"): isOld
    default: false
    }
  }

  /// A graph of the one operator, floating-point inputs left open.
  private func graph(
    of test: OperatorCase
  ) throws -> (graph: Graph, open: [Value], point: [Tensor], output: Value) {
    var builder = GraphBuilder()
    var (open, point): ([Value], [Tensor]) = ([], [])
    builder.setOpset(min(test.example.opset, test.type.specification.opsets.upperBound))
    let values = test.inputs(.float64).enumerated().map { index, tensor -> Value? in
      guard let tensor else { return nil }
      let isOpen =
        test.example.differentiable.isEmpty
        ? tensor.elementType == .float64 && !tensor.shape.isEmpty
        : test.example.differentiable.contains(index)
      guard isOpen else { return builder.constant(tensor) }
      open.append(builder.input("x\(index)", TensorType(of: tensor)))
      point.append(tensor)
      return open.last
    }
    let isInternal = test.type.specification.domain == Specification.internalDomain
    let outputs = try builder.append(
      try test.operation(precision: .float64), values,
      attributes: isInternal ? nil : test.example.attributes)
    builder.setOutputs(outputs)
    return (builder.graph, open, point, outputs[0])
  }

  private func expectStandard(_ graph: Graph) {
    for node in graph.nodes {
      #expect(type(of: node.operation).specification.domain.isEmpty, "\(node.operatorName)")
      #expect(node.attributes != nil, "\(node.operatorName)")
    }
  }

  @Test(arguments: internalCases, [17, 18, 21])
  func internalOperatorsAreSaidInOperatorsOfONNX(test: OperatorCase, opset: Int) throws {
    let (graph, _, point, _) = try graph(of: test)
    let lowered = try graph.lowered(to: opset)
    expectStandard(lowered)
    let workspace = Workspace()
    let outputs = try Interpreter(lowered, in: workspace).run(point)
    for (output, expected) in zip(outputs, test.example.outputs) {
      #expect(output.shape == expected.shape)
      try expectClose(output, expected, within: 1e-9)
    }
  }

  @Test(
    arguments: OperatorCase.all.filter {
      !$0.example.differentiable.isEmpty && $0.example.opset >= 11
        && !withoutRule.contains($0.type.specification.name)
    }, [17, 21])
  func gradientsAreSaidInOperatorsOfONNX(test: OperatorCase, opset: Int) throws {
    guard test.type.specification.opsets.contains(opset) else { return }
    if Self.isRefused(test, opset) {
      let (graph, open, _, output) = try graph(of: test)
      let gradient = try graph.gradient(of: output, withRespectTo: open)
      #expect(throws: ModelError.self) { try gradient.graph.lowered(to: opset) }
      return
    }
    let (graph, open, point, output) = try graph(of: test)
    let gradient = try graph.gradient(of: output, withRespectTo: open)
    let lowered = try gradient.graph.lowered(to: opset)
    expectStandard(lowered)
    let workspace = Workspace()
    let seed = Tensor.counting(try #require(graph.type(of: output)).shape)
    let expected = try Interpreter(gradient.graph, in: workspace).run(point + [seed])
    let actual = try Interpreter(lowered, in: workspace).run(point + [seed])
    for (actual, expected) in zip(actual, expected) {
      #expect(actual.shape == expected.shape)
      try expectClose(actual, expected, within: 1e-9)
    }
  }
}

extension Tensor {
  /// Numbers that differ from each other.
  fileprivate static func counting(_ shape: Shape) -> Tensor {
    Tensor((0..<shape.elementCount).map { 0.5 + 0.25 * Double($0 % 7) }, shape: shape)
  }
}
