package import Attribution

/// What an evaluation measures, beside its models and data.
package struct EvaluationSettings: Sendable {
  /// How maps are computed.
  package var methods: [Method]
  /// What is measured.
  package var metrics: [Metric]
  /// What random numbers depend on, beside the sample.
  package var seed: UInt64
  /// Whether the known class is explained, not the best score.
  package var explainsLabel: Bool
  /// Whether inputs are compared with zeros alone.
  package var hasZeroBaseline: Bool
  /// Whether a layer's value is explained in place of the input.
  package var explainsLayer: Bool
  /// Whether a method or a metric compares with baselines.
  package var readsBaselines: Bool {
    methods.contains { $0.readsBaseline && $0.references == 0 }
      || metrics.contains { metric in
        switch metric {
        case .infidelity: true
        case .completeness: methods.contains(where: \.addsUp)
        default: explainsLayer && (metric.masksPixels || metric.insertsPixels)
        }
      }
  }
  /// The known class of each sample of the data set.
  package var labels: [Int?]

  package init(
    methods: [Method], metrics: [Metric], seed: UInt64, explainsLabel: Bool,
    hasZeroBaseline: Bool, explainsLayer: Bool, labels: [Int?]
  ) {
    self.methods = methods
    self.metrics = metrics
    self.seed = seed
    self.explainsLabel = explainsLabel
    self.hasZeroBaseline = hasZeroBaseline
    self.explainsLayer = explainsLayer
    self.labels = labels
  }
}
