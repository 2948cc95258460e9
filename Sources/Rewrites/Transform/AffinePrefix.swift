package import Graphs
import Operators
import Tensors

/// A graph in two parts: what is affine in one of its inputs, and the rest.
package struct AffineSplit: Sendable {
  /// From the inputs of the graph to the values at which it stops to be affine.
  package let prefix: Graph
  /// From the inputs of the graph, and behind them those values, to its outputs.
  package let rest: Graph
  /// Which inputs of the rest those values are.
  package let places: [Int]
}

extension Graph {
  /// The graph cut where it stops to be affine in an input.
  ///
  /// Law: the rest applied to what the prefix gives is the graph; the prefix at x + a(y - x) is
  /// p(x) + a(p(y) - p(x)). So two evaluations of the prefix serve a whole line of points, and one of
  /// its gradient serves all of theirs.
  ///
  /// An operator is affine in an operand if its gradient rule reads neither that operand nor the
  /// result. Works on a specialised graph.
  ///
  /// - Returns: nil if no node can be split off.
  package func splittingAffinePrefix(of input: Value) throws(ModelError) -> AffineSplit? {
    let isAffine = affineValues(in: input)
    var isRead = [Bool](repeating: false, count: records.count)
    for output in outputs { isRead[output.index] = true }
    for node in nodes where !node.outputs.contains(where: { isAffine[$0.index] }) {
      for case let value? in node.inputs { isRead[value.index] = true }
    }
    let between = values.filter { isAffine[$0.index] && isRead[$0.index] }
    guard between.contains(where: { $0 != input }) else { return nil }
    var rebuilder = GraphRebuilder(self)
    for value in between {
      guard let type = type(of: value) else { return nil }
      let replacement = rebuilder.builder.input("\(name(of: value)) on the path", type)
      rebuilder.replace(value, by: replacement)
    }
    for node in nodes where !node.outputs.contains(where: { isAffine[$0.index] }) {
      try rebuilder.copy(node)
    }
    return AffineSplit(
      prefix: selecting(between), rest: rebuilder.finish().withoutDeadNodes(),
      places: between.indices.map { inputs.count + $0 })
  }

  /// By value index, whether a value depends on `input` and is affine in it.
  private func affineValues(in input: Value) -> [Bool] {
    var isAffine = [Bool](repeating: false, count: records.count)
    guard let elementType = type(of: input)?.elementType else { return isAffine }
    var depends = isAffine
    isAffine[input.index] = true
    depends[input.index] = true
    var builder = GraphBuilder(self)
    for node in nodes {
      let varying = node.inputs.map { $0.map { depends[$0.index] } ?? false }
      guard varying.contains(true) else { continue }
      for output in node.outputs { depends[output.index] = true }
      let operands = zip(node.inputs, varying).filter(\.1)
      guard operands.allSatisfy({ $0.0.map { isAffine[$0.index] } ?? false }),
        builder.isAffine(node, in: varying, reading: depends, elementType)
      else { continue }
      for output in node.outputs { isAffine[output.index] = true }
    }
    return isAffine
  }
}
