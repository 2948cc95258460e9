import Graphs
import Kernels
import Operators
import Tensors
import Testing

@Suite struct GraphTests {
  private func chain() throws -> (graph: Graph, x: Value) {
    var formula = Formula()
    let x = formula.input("x")
    let shifted = try formula.apply(Add(), x, formula.constant([1, 1]))
    _ = try formula.apply(Exp(), shifted)
    return (formula.graph(try formula.apply(Relu(), shifted)), x)
  }

  @Test func theDumpShowsInputsConstantsNodesAndOutputs() throws {
    #expect(
      try chain().graph.dump() == """
        input x: 2 float64
        constant constant: 2 float64
        Add: 2 float64 = Add(x, constant)
        Exp: 2 float64 = Exp(Add)
        Relu: 2 float64 = Relu(Add)
        output Relu
        """)
  }

  @Test func deadNodesAreRemovedAndInputsKept() throws {
    let graph = try chain().graph.withoutDeadNodes()
    #expect(graph.nodes.map(\.operatorName) == ["Add", "Relu"])
    #expect(graph.inputs.count == 1)
    try graph.validate()
    #expect(try run(graph, [-3, 2])[0] == [0, 3])
  }

  @Test func theInterpreterNamesAnInputThatDoesNotFit() throws {
    let interpreter = Interpreter(try chain().graph, in: Workspace())
    #expect(throws: ModelError.self) { try interpreter.run([]) }
    do {
      _ = try interpreter.run([Tensor([1 as Float, 2])])
      Issue.record("float32 was accepted")
    } catch {
      #expect("\(error)" == "input 'x' takes 2 float64, not 2 float32")
    }
  }

  @Test func memoryOfDeadValuesIsUsedAgain() throws {
    var formula = Formula()
    var value = formula.input("x", [1 << 16])
    for _ in 0..<20 { value = try formula.apply(Relu(), value) }
    let graph = formula.graph(value)
    let workspace = Workspace()
    let interpreter = Interpreter(graph, in: workspace)
    for _ in 0..<3 { _ = try interpreter.run([Tensor(repeating: 1.0, shape: [1 << 16])]) }
    #expect(workspace.peakBytes <= 3 * (8 << 16))
    #expect(graph.peakBytes == 2 * (8 << 16))
  }

  @Test func degreesAreProved() throws {
    var formula = Formula()
    let x = formula.input("x")
    let square = try formula.apply(Mul(), x, try formula.apply(Relu(), x))
    let graph = formula.graph(try formula.apply(Mul(), square, formula.constant([3, -1])))
    #expect(graph.homogeneity(of: graph.outputs[0], in: [x]).degree == 2)
  }

  @Test func breakersAreNamedOnce() throws {
    let (graph, x) = try chain()
    let report = graph.homogeneity(of: graph.outputs[0], in: [x])
    #expect(report.degree == nil)
    #expect(report.breakers.map(\.operatorName) == ["Add"])
  }

  @Test func aZeroBiasBreaksNothing() throws {
    var formula = Formula()
    let x = formula.input("x")
    let graph = formula.graph(try formula.apply(Add(), x, formula.constant([0, 0])))
    #expect(graph.homogeneity(of: graph.outputs[0], in: [x]).degree == 1)
  }
}
