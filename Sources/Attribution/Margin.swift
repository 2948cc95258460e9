package import Graphs
import Kernels
import Operators
import Tensors

/// How much larger one score is than another.
package struct Margin: Hashable, Sendable {
  package let first: Int
  package let second: Int

  package init(of first: Int, over second: Int) {
    self.first = first
    self.second = second
  }
}

extension Graph {
  /// The graph whose only output has, for each of `rows`, the scores and behind them these margins.
  ///
  /// Works on a specialised graph of one output.
  ///
  /// - Throws: `ModelError` if a margin is one of scores that there are not.
  package func appending(_ margins: [Margin], rows: Int) throws(ModelError) -> Graph {
    guard !margins.isEmpty, let output = outputs.first, let type = type(of: output) else {
      return self
    }
    let width = type.shape.elementCount / max(rows, 1)
    for index in margins.flatMap({ [$0.first, $0.second] }) where !(0..<width).contains(index) {
      throw ModelError(
        "target \(index) is not one of the model's \(width) scores (0 to \(width - 1))",
        kind: .usage)
    }
    var builder = GraphBuilder(self)
    do throws(OperatorError) {
      let scores = try builder.append(
        Reshape(), output, builder.constant(Tensor([Int64(rows), Int64(width)])))
      func column(_ indices: [Int]) throws(OperatorError) -> Value {
        let indices = builder.constant(Tensor(indices.map(Int64.init)))
        return try builder.append(Gather(axis: 1), scores, indices)
      }
      let difference = try builder.append(
        Sub(), try column(margins.map(\.first)), try column(margins.map(\.second)))
      builder.setOutputs([
        try builder.append(Concat(axis: 1), scores, difference, name: "scores and margins")
      ])
    } catch {
      throw ModelError(error.description)
    }
    return builder.graph
  }
}
