package import Graphs
import Tensors

/// Input times gradient over the degree of a homogeneous model, which there equals Integrated Gradients
/// from the zero baseline (Hesse et al., 2021, arXiv 2111.07668).
package struct XGradient: PointGradientMethod {
  package static let name = "xg"
  package static let title = "X-gradient"
  package static let summary = "Input times gradient, where it is proved to be ig."

  /// Whether input times gradient takes its place on a model that is not homogeneous.
  private let fallsBack: Bool

  package init() { fallsBack = false }
  package init(_ settings: inout MethodSettings) throws(ModelError) {
    fallsBack = settings.defaults.fallsBack
  }

  package var addsUp: Bool { true }
  package var readsBaseline: Bool { true }

  package func resolved(for problem: Problem) throws(ModelError) -> any AttributionMethod {
    guard problem.baseline.isZero else {
      throw ModelError(
        "xg explains the difference from the zero baseline only; use ig with this one",
        kind: .usage)
    }
    if fallsBack, try problem.function.homogeneity().degree == nil { return InputXGradient() }
    _ = try problem.function.requiredDegree()
    return self
  }

  package func factor(for function: ModelFunction) throws(ModelError) -> Double? {
    1 / Double(try function.requiredDegree())
  }

  /// Refuses a map that does not add up to the score, as it does by Euler's theorem: the proof of
  /// homogeneity would be wrong.
  package static func requireEuler(_ map: AttributionMap) throws(ModelError) {
    let size = map.values.doubles.reduce(0) { $0 + abs($1) }
    guard abs(map.completenessError) > 1e-2 * max(size, abs(map.score)) else { return }
    throw ModelError(
      "the model was proved homogeneous, yet the X-gradient adds up to \(map.sum) and not to "
        + "\(map.score); please report this", kind: .fault)
  }
}

/// The X-gradient where the model is proved homogeneous and the baseline is zero, else Integrated
/// Gradients.
package struct Auto: AttributionMethod {
  package static let name = "auto"
  package static let title = "Auto"
  package static let summary =
    "xg where it is exact and the baseline zero, else ig."

  let integration: Integration

  package init(_ defaults: MethodDefaults) { integration = defaults.integration }
  package init(_ settings: inout MethodSettings) throws(ModelError) {
    self.init(settings.defaults)
  }

  package var usesBaseline: Bool { true }
  package var addsUp: Bool { true }
  package var integrationInside: Integration? { integration }

  package func resolved(for problem: Problem) throws(ModelError) -> any AttributionMethod {
    guard problem.baseline.isZero, try problem.function.homogeneity().degree != nil else {
      return IntegratedGradients(integration)
    }
    return XGradient()
  }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try resolved(for: problem).maps(of: problem)
  }
}
