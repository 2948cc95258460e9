import Graphs
import Kernels
import Operators
import Tensors
import Testing

@Suite struct GradientTests {
  /// y = x * x + x: dy/dx = 2x + 1, from three readers of x.
  @Test func gradientsOfSeveralReadersAreAdded() throws {
    var formula = Formula()
    let x = formula.input("x")
    let square = try formula.apply(Mul(), x, x)
    let graph = formula.graph(try formula.apply(Add(), square, x))
    let gradient = try graph.gradient(of: graph.outputs[0], withRespectTo: [x])
    #expect(try run(gradient.graph, [3, -2], [1, 10])[1] == [7, -30])
  }

  @Test func gradientsOfStretchedOperandsHaveTheirShape() throws {
    var formula = Formula()
    let matrix = formula.input("matrix", [3, 2])
    let row = formula.input("row", [2])
    let column = formula.input("column", [3, 1])
    let product = try formula.apply(Mul(), matrix, row)
    let graph = formula.graph(try formula.apply(Mul(), product, column))
    let gradient = try graph.gradient(
      of: graph.outputs[0], withRespectTo: [row, column])
    let ones = [Double](repeating: 1, count: 6)
    let results = try run(gradient.graph, [1, 2, 3, 4, 5, 6], [10, 20], [1, 2, 3], ones)
    #expect(results[1] == [22, 28])
    #expect(results[2] == [50, 110, 170])
  }

  @Test func onlyNodesOnThePathAreVisited() throws {
    var formula = Formula()
    let x = formula.input("x")
    let other = formula.input("other")
    // Floor passes no gradient on purpose; the other branch has nothing to do with x.
    let constant = try formula.apply(Exp(), try formula.apply(Exp(), other))
    let graph = formula.graph(try formula.apply(Mul(), x, constant))
    let gradient = try graph.gradient(of: graph.outputs[0], withRespectTo: [x])
    let added = gradient.graph.nodes.count - graph.nodes.count
    #expect(added == 1)
    #expect(try run(gradient.graph, [1, 1], [0, 0], [1, 2])[1][0].isFinite)
  }

  @Test func anInputWithoutInfluenceHasGradientZero() throws {
    var formula = Formula()
    let (x, y) = (formula.input("x"), formula.input("y"))
    let graph = formula.graph(try formula.apply(Relu(), x))
    let gradient = try graph.gradient(of: graph.outputs[0], withRespectTo: [x, y])
    #expect(try run(gradient.graph, [1, -1], [5, 5], [1, 1]).dropFirst() == [[1, 0], [0, 0]])
  }

  /// The second derivative of x * x * x is 6x.
  @Test func gradientsHaveGradients() throws {
    var formula = Formula()
    let x = formula.input("x")
    let cube = try formula.apply(Mul(), try formula.apply(Mul(), x, x), x)
    let graph = formula.graph(cube)
    let first = try graph.gradient(of: cube, withRespectTo: [x])
    let second = try first.graph.gradient(of: first.gradients[0], withRespectTo: [x])
    let results = try run(second.graph, [2, -1], [1, 1], [1, 1])
    #expect(results[1] == [12, 3])
    #expect(results[2] == [12, -6])
  }

  @Test func aNodeWithoutRuleIsNamed() throws {
    var formula = Formula()
    let x = formula.builder.input("x", TensorType(.float64, [1, 1, 3]))
    let weights = formula.builder.input("weights", TensorType(.float64, [1, 1, 2]))
    var attributes = Attributes(inputCount: 2)
    let output = try formula.builder.append(try Conv(&attributes), x, weights, name: "conv1")
    let graph = formula.graph(output)
    #expect(throws: ModelError.self) {
      try graph.gradient(of: output, withRespectTo: [weights])
    }
    do {
      _ = try graph.gradient(of: output, withRespectTo: [weights])
    } catch {
      #expect("\(error)".contains("node 'conv1' (Conv"))
      #expect("\(error)".contains("weights"))
    }
  }
}
