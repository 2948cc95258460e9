package import Graphs
import Operators
package import Tensors

extension Graph {
  /// The graph whose only output is, for each sample, a weighted sum of its scores.
  ///
  /// Law: G(x) = w · F(x), of shape [samples, 1]. For a graph that is not specialised and has one output.
  ///
  /// - Parameters:
  ///   - weights: one for each score of a sample.
  ///   - elementType: that of the scores.
  package func weighingScores(by weights: [Double], _ elementType: ElementType) -> Graph {
    var builder = GraphBuilder(self)
    let count = weights.count
    let rows = builder.constant(Tensor([-1, Int64(count)]), name: "rows of scores")
    let matrix = builder.constant(
      Tensor(weights, shape: [count, 1]).converted(to: elementType), name: "weights of scores")
    let scores = builder.node(Reshape(), outputs[0], rows, name: "scores in rows")
    builder.setOutputs([builder.node(MatMul(), scores, matrix, name: "weighted score")])
    return builder.graph
  }
}
