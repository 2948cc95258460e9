package import Graphs

extension Graph {
  /// The graph that computes these values and nothing else.
  package func selecting(_ outputs: [Value]) -> Graph {
    var builder = GraphBuilder(self)
    builder.setOutputs(outputs)
    return builder.graph.withoutDeadNodes()
  }
}
