package import Graphs

/// A way to compute attributions: one type for each, listed in `MethodRegistry.methods`.
package protocol AttributionMethod: Sendable {
  /// The name on the command line.
  static var name: String { get }
  /// What captions call it.
  static var title: String { get }
  /// What it computes, in one line of the help.
  static var summary: String { get }
  /// The settings that may follow the name, as in `[:STEPS][:quadrature=RULE]`.
  static var usage: String { get }

  /// What the count behind the name is one of.
  static var countName: String { get }

  /// Reads the settings of an item; what is left over is refused.
  init(_ settings: inout MethodSettings) throws(ModelError)

  /// The settings of this method, as in `:128`; read again they give the same method.
  var settings: String { get }

  /// Whether it compares the point with a baseline. It is then computed for each baseline and averaged.
  var usesBaseline: Bool { get }
  /// Whether a baseline has any influence: on the map, or on whether there is one.
  var readsBaseline: Bool { get }
  /// How Integrated Gradients integrate, where they are what it computes or may come to, of noisy samples
  /// too; nil for other methods.
  var integrationInside: Integration? { get }
  /// Which gradient a step of its path is multiplied by, where it has a path of its own.
  var stepRule: StepRule? { get }
  /// The layer that its settings name.
  var namedLayer: String? { get }
  /// Whether it evaluates the model at many points, so that batches pay.
  var evaluatesManyPoints: Bool { get }
  /// Whether its maps depend on random numbers.
  var drawsNumbers: Bool { get }
  /// Whether it computes in bfloat16 where that is asked for.
  var readsPrecision: Bool { get }
  /// Whether its gradients are computed in bfloat16 where only they are to be.
  var readsGradientPrecision: Bool { get }
  /// Whether its maps depend on the point, and not on its shape only.
  var readsPoint: Bool { get }
  /// Whether its attributions add up to the score's difference from the baseline, or to the score if it
  /// uses none.
  var addsUp: Bool { get }
  /// Whether its maps are in units of the score, as the gradient is not.
  var isInUnitsOfScore: Bool { get }
  /// The layer whose elements its maps are of; nil for those of the explained input.
  var attributedLayer: String? { get }

  /// The method that it comes to for a problem; itself for all that make no choice.
  ///
  /// - Throws: `ModelError` if it is not defined for the model or the baseline.
  func resolved(for problem: Problem) throws(ModelError) -> any AttributionMethod

  /// One map per target of the problem, in their order.
  ///
  /// - Throws: `ModelError` if a rule is not defined for a node; what the progress throws.
  func maps(of problem: Problem) throws -> [TargetedMap]
}

extension AttributionMethod {
  package static var usage: String { "" }
  package static var countName: String { "step" }
  package var settings: String { "" }
  package var usesBaseline: Bool { false }
  package var readsBaseline: Bool { usesBaseline }
  package var integrationInside: Integration? { nil }
  package var stepRule: StepRule? { nil }
  package var namedLayer: String? { attributedLayer }
  package var evaluatesManyPoints: Bool { false }
  package var drawsNumbers: Bool { false }
  package var readsPrecision: Bool { true }
  package var readsGradientPrecision: Bool { readsPrecision }
  package var readsPoint: Bool { true }
  package var addsUp: Bool { false }
  package var isInUnitsOfScore: Bool { true }
  package var attributedLayer: String? { nil }

  package func resolved(for problem: Problem) throws(ModelError) -> any AttributionMethod { self }

  /// The name with the settings.
  package var item: String { Self.name + settings }
}

/// A map of one score.
package struct TargetedMap {
  /// The index of the score.
  package let target: Int
  package let map: AttributionMap

  package init(target: Int, map: AttributionMap) {
    self.target = target
    self.map = map
  }
}
