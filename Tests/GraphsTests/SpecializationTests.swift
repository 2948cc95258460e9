import Graphs
import Kernels
import Operators
import Tensors
import Testing

@Suite struct SpecializationTests {
  private func operation(
    _ name: String, _ attributes: [String: AttributeValue] = [:], inputs: Int = 1
  ) throws -> any Operator {
    var attributes = Attributes(attributes, opset: 17, inputCount: inputs)
    return try #require(Registry.operation(named: name, domain: "", opset: 17)).init(&attributes)
  }

  /// x reshaped to (batch, -1), the batch read from its shape: what exporters write for flatten.
  private func flatten() throws -> Graph {
    var builder = GraphBuilder()
    let declared = DeclaredType(.float32, [.symbolic("batch"), .fixed(2), .fixed(3)])
    let x = builder.input("x", declared: declared)
    func node(_ operation: any Operator, _ inputs: Value..., name: String) -> Value {
      builder.appendUntyped(
        operation, inputs.map(Optional.some), name: name, outputNames: [name])[0]
    }
    let shape = node(try operation("Shape"), x, name: "shape")
    let zero = builder.constant(Tensor([Int64(0)]))
    let batch = node(try operation("Gather", inputs: 2), shape, zero, name: "batch size")
    let rest = builder.constant(Tensor([Int64(-1)]))
    let target = node(
      try operation("Concat", ["axis": .int(0)], inputs: 2), batch, rest, name: "target")
    builder.setOutputs([node(try operation("Reshape", inputs: 2), x, target, name: "flat")])
    return builder.graph
  }

  @Test func shapeArithmeticFoldsAway() throws {
    let graph = try flatten().specialized(to: [[4, 2, 3]], in: Workspace())
    #expect(graph.nodes.map(\.operatorName) == ["Reshape"])
    #expect(graph.type(of: graph.outputs[0]) == TensorType(.float32, [4, 6]))
    try graph.validate()
  }

  @Test func aWrongRankIsRefusedByName() throws {
    do {
      _ = try flatten().specialized(to: [[4, 2]], in: Workspace())
      Issue.record("rank 2 was accepted")
    } catch {
      #expect("\(error)".contains("input 'x' takes batchx2x3 float32"))
    }
  }

  @Test func shapesThatDependOnInputsAreBoundToThem() throws {
    var builder = GraphBuilder()
    let x = builder.input("x", declared: DeclaredType(.float32, nil))
    let shape = builder.input("shape", declared: DeclaredType(.int64, [.fixed(1)]))
    let reshape = try operation("Reshape", inputs: 2)
    builder.setOutputs(
      builder.appendUntyped(reshape, [x, shape], name: "y", outputNames: ["y"]))
    let workspace = Workspace()
    let inputs = [Tensor([1 as Float, 2, 3, 4], shape: [2, 2]), Tensor([Int64(4)])]
    let (graph, isGeneral) = try builder.graph.specialized(for: inputs, in: workspace)
    #expect(!isGeneral)
    #expect(try Interpreter(graph, in: workspace).run(inputs)[0].shape == [4])
  }

  @Test func narrowConstantsAreWidenedAsTheyAreUsed() throws {
    var builder = GraphBuilder()
    let x = builder.input("x", declared: DeclaredType(.float32, [.fixed(2)]))
    let half = builder.constant(
      Tensor([0.5 as Float16, 2]), name: "half", elementType: .float32)
    builder.setOutputs(
      builder.appendUntyped(Mul(), [x, half], name: "y", outputNames: ["y"]))
    let workspace = Workspace()
    let graph = try builder.graph.specialized(to: [[2]], in: workspace)
    let output = try Interpreter(graph, in: workspace).run([Tensor([4 as Float, 3])])[0]
    #expect(output.elements(as: Float.self) == [2, 6])
  }
}
