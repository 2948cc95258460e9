import Graphs
import Kernels
import Operators
import Rewrites
import Tensors
import Testing

/// Passes from graph to graph that keep a function, or change it in a way that is known.
@Suite struct EquivalentRewriteTests {
  /// A convolution, a pool and a dense layer behind another one, with biases, in float64.
  private func network() throws -> Graph {
    try CalibrationNet.pair([2, 6, 6]) { net, x in
      let first = net.relu(try net.convolution("first", x, from: 2, to: 4), "first relu")
      let second = net.relu(try net.convolution("second", first, from: 4, to: 3), "second relu")
      let flat = net.node(Flatten(), [second], "flat")
      let hidden = net.relu(net.gemm("hidden", flat, from: 12, to: 5), "third relu")
      return net.gemm("scores", hidden, from: 5, to: 3)
    }.reference
  }

  private let input = RandomPictures(2, [2, 6, 6], seed: 3)

  private func scores(_ graph: Graph, _ x: Tensor) throws -> [Double] {
    try graph.validate()
    return try graph.output(x)
  }

  @Test func rewritesKeepTheFunction() throws {
    let graph = try network()
    let rewrites = [
      try graph.splittingLayers(), try graph.rectifyingEarly(),
      try graph.repeatingRectifiers(.float64),
    ]
    for x in input.pictures {
      let expected = try scores(graph, x)
      for rewrite in rewrites {
        #expect(rewrite.nodes.count > graph.nodes.count)
        #expect(relativeDistance(try scores(rewrite, x), expected) < 1e-13)
      }
    }
  }

  /// Only layers that read what is not negative, and are read by Relu alone, are rectified earlier.
  @Test func layersAreRectifiedEarlierWhereThatIsTheSame() throws {
    let names = try network().rectifyingEarly().nodes.map(\.name)
    #expect(names.filter { $0.hasSuffix("/early") } == ["second/early", "hidden/early"])
  }

  @Test func theSumOfGraphsIsTheirSum() throws {
    let graph = try network()
    let order = Array((0..<72).reversed())
    let reversed = try graph.permutingInput(0, to: order, shape: [1, 2, 6, 6])
    let x = input.pictures[0]
    let backward = Tensor(Array(x.doubles.reversed()), shape: x.shape)
    #expect(try scores(reversed, x) == scores(graph, backward))
    let sum = try graph.weighingScores(by: [2, 0, 0], .float64).adding(
      reversed.weighingScores(by: [0, -0.5, 0], .float64))
    let expected = try 2 * scores(graph, x)[0] - scores(graph, backward)[1] / 2
    #expect(abs(try scores(sum, x)[0] - expected) < 1e-13 * abs(expected))
    // Batches go through as they are.
    let batch = Tensor(stacking: input.pictures)
    #expect(try scores(sum, batch).count == 2)
  }

  @Test func whatIsDroppedChangesNothing() throws {
    let graph = try network()
    let wide = try graph.wideningInput(0, from: 6)
    let x = input.pictures[0]
    for filler in [0.0, 7] {
      var elements: [Double] = []
      for start in stride(from: 0, to: x.elementCount, by: 6) {
        elements += x.doubles[start..<(start + 6)] + [filler]
      }
      let widened = Tensor(elements, shape: [1, 2, 6, 7])
      #expect(try scores(wide, widened) == scores(graph, x))
    }
  }

  /// Layers whose weights are no constants, and Relu's that are not there, are left alone.
  @Test func nothingToRewrite() throws {
    var builder = GraphBuilder()
    let x = builder.input("x", declared: DeclaredType(.float64, [.symbolic("n"), .fixed(2)]))
    let y = builder.appendUntyped(Mul(), [x, x], name: "square", outputNames: ["y"])[0]
    builder.setOutputs([y])
    let graph = builder.graph
    #expect(try graph.splittingLayers().nodes.count == 1)
    #expect(try graph.rectifyingEarly().nodes.count == 1)
    #expect(try graph.repeatingRectifiers(.float64).nodes.count == 1)
  }
}
