package import Graphs

extension Graph {
  /// The same function with fewer nodes: what a specialised graph goes through before its gradient
  /// is taken.
  package func simplified() throws(ModelError) -> Graph {
    try eliminatingIdentities().foldingBatchNormalization().withoutDeadNodes()
  }

  /// The same function with nodes that one kernel can compute together made one: the last pass, since
  /// fused operators have no gradient.
  package func fused() throws(ModelError) -> Graph {
    try fusingConvolutions().fusingPathPoints().recordingMaxima().recordingSigns()
      .withoutDeadNodes()
  }
}
