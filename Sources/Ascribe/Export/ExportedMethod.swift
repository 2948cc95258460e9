import Attribution
import Graphs

/// What a method comes to in a model that carries its own explanation.
enum ExportedMethod {
  case gradient
  case inputXGradient
  /// Input times gradient over the degree, which is proved.
  case xGradient(degree: Int)
  /// A sum over so many evaluations of the gradient, placed by a rule.
  case integratedGradients(steps: Int, Quadrature)

  /// - Throws: `ModelError` if the method is not defined for the model, or cannot be written.
  init(
    _ options: ExportOptions, _ function: ModelFunction
  ) throws(ModelError) {
    let method = options.method
    switch method.rule {
    case is Gradient: self = .gradient
    case is InputXGradient: self = .inputXGradient
    case is XGradient: self = .xGradient(degree: try function.requiredDegree())
    case is Auto:
      if options.baseline == .zero, let degree = try function.homogeneity().degree {
        self = .xGradient(degree: degree)
      } else {
        self = try .path(method)
      }
    case is IntegratedGradients: self = try .path(method)
    default:
      throw ModelError(
        "method '\(method.name)' cannot be written into a model; gradient, input-x-gradient, xg and "
          + "ig can", kind: .usage)
    }
  }

  private static func path(_ method: Method) throws(ModelError) -> ExportedMethod {
    switch method.integration {
    case .steps(let steps, let quadrature)?:
      return .integratedGradients(steps: steps, quadrature)
    case .automatic(let steps)?:
      return .integratedGradients(steps: steps, .warped(power: Quadrature.defaultPower))
    case .piloted?:
      throw ModelError(
        "a model has no pilot that finds the power of each path; give it, as in --quadrature "
          + "warped:\(Quadrature.defaultPower)", kind: .usage)
    case .secant?:
      throw ModelError(
        "mean gradients cannot be written into a model; take gradients at points, as in --quadrature "
          + "warped:\(Quadrature.defaultPower)", kind: .usage)
    case .tolerance?, .exact?, nil:
      throw ModelError(
        "a model takes a fixed number of steps; give --steps and --quadrature in place of a "
          + "tolerance or exact integration", kind: .usage)
    }
  }

  /// The name of the method.
  var name: String {
    switch self {
    case .gradient: Gradient.name
    case .inputXGradient: InputXGradient.name
    case .xGradient: XGradient.name
    case .integratedGradients: IntegratedGradients.name
    }
  }

  /// The rule of the integral, where there is one.
  var path: (steps: Int, quadrature: Quadrature)? {
    guard case .integratedGradients(let steps, let quadrature) = self else { return nil }
    return (steps, quadrature)
  }

  /// Whether attributions are shares of a score.
  var explainsScores: Bool {
    if case .gradient = self { false } else { true }
  }
}
