package import Graphs
import Operators
import Tensors

extension Graph {
  /// The graph with each product with weights written as the sum of two.
  ///
  ///     W x + b = W/4 x + (3W/4 x + b)
  ///
  /// Law: the function is the same. For a graph that is not specialised; weights that are no constants,
  /// or are many, are left alone.
  ///
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func splittingLayers() throws(ModelError) -> Graph {
    try rewritingLayers { node, weights, rebuilder throws(ModelError) in
      let quarter = weights.map { $0 / 4 }
      let rest = zip(weights, quarter).map { $0 - $1 }
      let first = rebuilder.layer(like: node, weights: quarter, name: "quarter", keepsBias: false)
      let second = rebuilder.layer(like: node, weights: rest, name: "rest", keepsBias: true)
      return rebuilder.builder.node(Add(), first, second, name: "\(node.name)/whole")
    }
  }
}
