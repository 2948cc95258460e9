package import Graphs
import Kernels
import Operators
package import Tensors

/// A small network with a point, on which an axiom is known to hold or not for some method.
package struct ReferenceNetwork: Sendable {
  package let name: String
  /// What it computes.
  package let formula: String
  package let graph: Graph
  /// One sample, float64.
  package let point: Tensor
  /// Other networks of the same function.
  package let equivalents: [(name: String, graph: Graph)]
}

/// The networks by which methods are told apart, in float64.
package enum ReferenceNetworks {
  /// In the order of the reports.
  ///
  /// - Throws: `ModelError` if one of them cannot be built.
  package static func all() throws(ModelError) -> [ReferenceNetwork] {
    let (early, late) = (clippedLate, clippedEarly)
    return [
      ReferenceNetwork(
        name: "saturated", formula: "1 - ReLU(1 - x1) + x2 / 2", graph: saturated,
        point: Tensor([2.0, 1], shape: [1, 2]), equivalents: []),
      ReferenceNetwork(
        name: "f", formula: "ReLU(ReLU(x1) - 1 - ReLU(x2))", graph: early,
        point: Tensor([3.0, 1], shape: [1, 2]), equivalents: [("as g", late)]),
      ReferenceNetwork(
        name: "g", formula: "ReLU(ReLU(x1 - 1) - ReLU(x2))", graph: late,
        point: Tensor([3.0, 1], shape: [1, 2]), equivalents: [("as f", early)]),
      ReferenceNetwork(
        name: "product", formula: "x1 x2 + x3", graph: product,
        point: Tensor([1.0, 1, 1], shape: [1, 3]), equivalents: []),
      seeded("perceptron", "three layers of seeded weights and biases", hasBiases: true),
      seeded("x-perceptron", "three layers of seeded weights, no biases", hasBiases: false),
      ReferenceNetwork(
        name: "x-convolutions", formula: "two seeded convolutions without biases, pooled",
        graph: try convolutions(), point: .noise(shape: [1, 1, 8, 8], seed: 9), equivalents: []),
    ]
  }

  /// 1 - ReLU(1 - x1) + x2 / 2: the gradient at x1 = 2 says nothing of x1, which moved the score by 1.
  private static var saturated: Graph {
    network(inputs: 2) { net, x in
      let hidden = net.relu(
        net.layer(x, [[-1, 0], [0, 1], [0, -1]], biases: [1, 0, 0], "inner"))
      return net.layer(hidden, [[-1, 0.5, -0.5]], biases: [1], "outer")
    }
  }

  /// ReLU(ReLU(x1) - 1 - ReLU(x2)).
  private static var clippedLate: Graph {
    network(inputs: 2) { net, x in
      net.relu(net.layer(net.relu(x), [[1, -1]], biases: [-1], "difference"))
    }
  }

  /// ReLU(ReLU(x1 - 1) - ReLU(x2)), the same function.
  private static var clippedEarly: Graph {
    network(inputs: 2) { net, x in
      let hidden = net.relu(net.layer(x, [[1, 0], [0, 1]], biases: [-1, 0], "shift"))
      return net.relu(net.layer(hidden, [[1, -1]], "difference"))
    }
  }

  /// x1 x2 + x3.
  private static var product: Graph {
    network(inputs: 3) { net, x in
      let columns = (0..<3).map { index in
        net.layer(x, [(0..<3).map { $0 == index ? 1 : 0 }], "column \(index)")
      }
      let product = net.node(Mul(), [columns[0], columns[1]], "product")
      return net.node(Add(), [product, columns[2]], "sum")
    }
  }

  private static func seeded(
    _ name: String, _ formula: String, hasBiases: Bool
  ) -> ReferenceNetwork {
    var generator = SplitMix64(seed: 5)
    func numbers(_ count: Int) -> [Double] {
      (0..<count).map { _ in Double.random(in: -1...1, using: &generator) }
    }
    let widths = [6, 12, 12, 3]
    let graph = network(inputs: widths[0]) { net, x in
      var value = x
      for layer in 1..<widths.count {
        if layer > 1 { value = net.relu(value) }
        let weights = (0..<widths[layer]).map { _ in numbers(widths[layer - 1]) }
        let biases = numbers(widths[layer])
        value = net.layer(value, weights, biases: hasBiases ? biases : nil, "layer \(layer)")
      }
      return value
    }
    return ReferenceNetwork(
      name: name, formula: formula, graph: graph, point: .noise(shape: [1, widths[0]], seed: 6),
      equivalents: [])
  }

  private static func convolutions() throws(ModelError) -> Graph {
    let convolution: Conv
    let pooling: MaxPool
    do throws(OperatorError) {
      var pads = Attributes(["pads": .ints([1, 1, 1, 1])], inputCount: 2)
      convolution = try Conv(&pads)
      var window = Attributes(
        ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])], inputCount: 1)
      pooling = try MaxPool(&window)
    } catch {
      throw ModelError(error.description, kind: .fault)
    }
    var net = NetworkBuilder()
    let x = net.input([1, 8, 8])
    func weights(_ shape: Shape, _ seed: UInt64, _ name: String) -> Value {
      net.builder.constant(.noise(shape: shape, seed: seed), name: name)
    }
    let first = net.node(convolution, [x, weights([4, 1, 3, 3], 1, "weights 1")], "convolution 1")
    let pooled = net.node(pooling, [net.relu(first)], "pool")
    let second = net.node(
      convolution, [pooled, weights([6, 4, 3, 3], 2, "weights 2")], "convolution 2")
    let flat = net.node(Flatten(), [net.relu(second)], "flatten")
    let scores = net.node(
      Gemm(transposingB: true), [flat, weights([3, 96], 3, "weights 3")], "scores")
    net.builder.setOutputs([scores])
    return net.builder.graph
  }

  private static func network(
    inputs: Int, _ body: (inout NetworkBuilder, Value) -> Value
  ) -> Graph {
    var net = NetworkBuilder()
    let x = net.input([inputs])
    let output = body(&net, x)
    net.builder.setOutputs([output])
    return net.builder.graph
  }
}

/// Builds a network in float64 that is not specialised.
private struct NetworkBuilder {
  var builder = GraphBuilder()

  mutating func input(_ extents: [Int]) -> Value {
    let dimensions = [.symbolic("batch")] + extents.map(Dimension.fixed)
    return builder.input("x", declared: DeclaredType(.float64, dimensions))
  }

  mutating func node(_ operation: any Operator, _ inputs: [Value?], _ name: String) -> Value {
    builder.appendUntyped(operation, inputs, name: name, outputNames: [name], attributes: [:])[0]
  }

  mutating func relu(_ x: Value) -> Value { node(Relu(), [x], "relu") }

  /// W x + b.
  mutating func layer(
    _ x: Value, _ weights: [[Double]], biases: [Double]? = nil, _ name: String
  ) -> Value {
    let matrix = builder.constant(
      Tensor(weights.flatMap(\.self), shape: [weights.count, weights.first?.count ?? 0]),
      name: "\(name) weights")
    let bias = biases.map { builder.constant(Tensor($0), name: "\(name) biases") }
    return node(
      Gemm(transposingB: true), bias.map { [x, matrix, $0] } ?? [x, matrix], name)
  }
}
