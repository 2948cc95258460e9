package import Graphs

/// The mean of the maps of noisy samples (Smilkov et al., 2017, arXiv 1706.03825).
package struct SmoothGrad: AttributionMethod {
  package static let name = "smoothgrad"
  package static let title = "SmoothGrad"
  package static let summary = "A method's mean over samples with noise."
  package static let usage = Smoothing.usage
  package static let countName = "sample"

  private let smoothing: Smoothing

  private init(_ smoothing: Smoothing) { self.smoothing = smoothing }

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    self.init(try Smoothing(&settings))
  }

  package var settings: String { smoothing.settings }
  package var usesBaseline: Bool { smoothing.inner.usesBaseline }
  package var readsBaseline: Bool { smoothing.inner.readsBaseline }
  package var integrationInside: Integration? { smoothing.inner.integrationInside }
  package var namedLayer: String? { smoothing.inner.namedLayer }
  package var evaluatesManyPoints: Bool { true }
  package var drawsNumbers: Bool { true }
  package var readsPrecision: Bool { smoothing.inner.rule.readsPrecision }
  package var isInUnitsOfScore: Bool { smoothing.inner.rule.isInUnitsOfScore }

  package func resolved(for problem: Problem) throws(ModelError) -> any AttributionMethod {
    SmoothGrad(try smoothing.resolved(for: problem))
  }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try smoothing.maps(of: problem, \.mean)
  }
}

/// The mean of the squared maps of noisy samples (Hooker et al., 2019, arXiv 1806.10758).
package struct SmoothGradSquared: AttributionMethod {
  package static let name = "smoothgrad-squared"
  package static let title = "SmoothGrad²"
  package static let summary = "A method's mean square over samples with noise."
  package static let usage = Smoothing.usage
  package static let countName = "sample"

  private let smoothing: Smoothing

  private init(_ smoothing: Smoothing) { self.smoothing = smoothing }

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    self.init(try Smoothing(&settings))
  }

  package var settings: String { smoothing.settings }
  package var usesBaseline: Bool { smoothing.inner.usesBaseline }
  package var readsBaseline: Bool { smoothing.inner.readsBaseline }
  package var integrationInside: Integration? { smoothing.inner.integrationInside }
  package var namedLayer: String? { smoothing.inner.namedLayer }
  package var evaluatesManyPoints: Bool { true }
  package var drawsNumbers: Bool { true }
  package var readsPrecision: Bool { smoothing.inner.rule.readsPrecision }
  package var isInUnitsOfScore: Bool { false }

  package func resolved(for problem: Problem) throws(ModelError) -> any AttributionMethod {
    SmoothGradSquared(try smoothing.resolved(for: problem))
  }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try smoothing.maps(of: problem, \.meanOfSquares)
  }
}

/// The variance of the maps of noisy samples (Adebayo et al., 2018, arXiv 1810.03292).
package struct VarGrad: AttributionMethod {
  package static let name = "vargrad"
  package static let title = "VarGrad"
  package static let summary = "A method's variance over samples with noise."
  package static let usage = Smoothing.usage
  package static let countName = "sample"

  private let smoothing: Smoothing

  private init(_ smoothing: Smoothing) { self.smoothing = smoothing }

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    self.init(try Smoothing(&settings))
    guard smoothing.samples > 1 else {
      throw settings.error("a variance takes 2 samples at least")
    }
  }

  package var settings: String { smoothing.settings }
  package var usesBaseline: Bool { smoothing.inner.usesBaseline }
  package var readsBaseline: Bool { smoothing.inner.readsBaseline }
  package var integrationInside: Integration? { smoothing.inner.integrationInside }
  package var namedLayer: String? { smoothing.inner.namedLayer }
  package var evaluatesManyPoints: Bool { true }
  package var drawsNumbers: Bool { true }
  package var readsPrecision: Bool { smoothing.inner.rule.readsPrecision }
  package var isInUnitsOfScore: Bool { false }

  package func resolved(for problem: Problem) throws(ModelError) -> any AttributionMethod {
    VarGrad(try smoothing.resolved(for: problem))
  }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try smoothing.maps(of: problem, \.variance)
  }
}
