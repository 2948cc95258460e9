public import Graphs

/// How attributions are computed, with all settings.
///
/// On the command line a method is `NAME`, `NAME:COUNT` or `NAME:COUNT:KEY=VALUE`.
public struct Method: Sendable {
  package let rule: any AttributionMethod

  /// A method with its settings.
  package init(_ rule: any AttributionMethod) { self.rule = rule }

  /// The method that an item of the command line names.
  ///
  /// - Parameter defaults: what it falls back on where the item says nothing.
  /// - Throws: `ModelError` that says what is wrong with it.
  public init(_ item: String, defaults: MethodDefaults = MethodDefaults()) throws(ModelError) {
    var settings = try MethodSettings(item, defaults: defaults)
    guard let type = MethodRegistry.methods.first(where: { $0.name == settings.name }) else {
      let names = MethodRegistry.methods.map { $0.name }
      throw ModelError(
        "method '\(settings.name)' is not one of \(names.joined(separator: ", "))"
          + Suggestion.text(for: settings.name, among: names), kind: .usage)
    }
    rule = try type.init(&settings)
    try settings.requireEmpty(type.name + type.usage)
  }

  /// The name without settings.
  public var name: String { type(of: rule).name }

  /// The X-gradient where the model is proved homogeneous and the baseline is zero, else Integrated
  /// Gradients.
  public static let auto = Method(Auto(MethodDefaults()))
  /// The gradient of the score.
  public static let gradient = Method(Gradient())
  /// Input times gradient.
  public static let inputXGradient = Method(InputXGradient())
  /// Input times gradient over the degree of a homogeneous model, which there equals Integrated
  /// Gradients from the zero baseline (Hesse et al., 2021, arXiv 2111.07668).
  public static let xGradient = Method(XGradient())

  /// Integrated Gradients (Sundararajan et al., 2017, arXiv 1703.01365).
  public static func integratedGradients(
    _ integration: Integration = MethodDefaults().integration
  ) -> Method {
    Method(IntegratedGradients(integration))
  }

  /// What the help says of every method: its name, its item with all settings, and what it computes.
  public static var all: [(name: String, item: String, summary: String)] {
    MethodRegistry.methods.map { ($0.name, $0.name + $0.usage, $0.summary) }
  }

  /// How the integral is computed, where the method is Integrated Gradients or may come to it.
  public var integration: Integration? {
    rule is IntegratedGradients || rule is Auto ? rule.integrationInside : nil
  }

  /// How the integrals are computed, where the method is one or joins the maps of one.
  public var integrationInside: Integration? { rule.integrationInside }

  /// The name in reports, which say the integration of Integrated Gradients apart.
  public var reportName: String { rule is IntegratedGradients ? name : description }

  /// Whether its attributions should add up to the score's difference from the baseline.
  public var addsUp: Bool { rule.addsUp }

  /// Whether it leaves the rule for the steps of a path of its own to the model.
  package var leavesStepRule: Bool { rule.stepRule == .automatic }

  /// The rule for the steps of a path of its own; nil for a method without one.
  public var stepRuleName: String? { rule.stepRule?.rawValue }

  /// Whether the method compares the input with a baseline.
  public var usesBaseline: Bool { rule.usesBaseline }

  /// Whether a baseline has any influence: on the map, or on whether there is one.
  public var readsBaseline: Bool { rule.readsBaseline }

  /// Whether a seed has any influence on its maps.
  public var readsSeed: Bool { rule.drawsNumbers }

  /// Whether it computes in bfloat16 where that is asked for.
  public var readsPrecision: Bool { rule.readsPrecision }

  /// Whether its gradients are computed in bfloat16 where only they are to be.
  public var readsGradientPrecision: Bool { rule.readsGradientPrecision }

  /// Whether its maps depend on the point, and not on its shape only.
  public var readsPoint: Bool { rule.readsPoint }

  /// The layer that its settings name.
  public var namedLayer: String? { rule.namedLayer }

  /// The layer whose elements its maps are of; nil for those of the explained input.
  public var attributedLayer: String? { rule.attributedLayer }

  /// How many other samples of a data set it reads for each.
  public var references: Int { (rule as? ExpectedGradients)?.samples ?? 0 }
}

extension Method: Hashable, CustomStringConvertible {
  /// The item that names the method; the same for the same method.
  public var description: String { rule.item }

  public static func == (a: Method, b: Method) -> Bool { a.description == b.description }

  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
