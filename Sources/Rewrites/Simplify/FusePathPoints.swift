package import Graphs
import Operators

extension Graph {
  /// Lets points on a path be made rectified where all that reads them is a Relu.
  ///
  ///     Relu(PathPoints(s, d, a)) = PathPoints(s, d, a), rectifying
  package func fusingPathPoints() throws(ModelError) -> Graph {
    let (producers, consumers) = (producers, consumers)
    var rebuilder = GraphRebuilder(self)
    for node in nodes {
      if node.operation is Relu, let points = node.inputs[0], !outputs.contains(points),
        consumers[points.index].count == 1, let producer = producers[points.index],
        let operation = nodes[producer].operation as? PathPoints
      {
        let inputs = nodes[producer].inputs.map { $0.map { rebuilder($0) } }
        try rebuilder.put(
          PathPoints(lines: operation.lines, rectifies: true), inputs, named: node.name, for: node)
      } else {
        try rebuilder.copy(node)
      }
    }
    return rebuilder.finish()
  }
}
