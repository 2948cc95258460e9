import Attribution
import Graphs

/// What a method comes to in a model that carries its own explanation.
enum ExportedMethod {
  case gradient
  case inputXGradient
  /// Input times gradient over the degree, which is proved.
  case xGradient(degree: Int)
  /// A sum of gradients along a path.
  case integratedGradients(ExportedPath)

  /// - Parameter stacks: whether several points of a path can run in one batch.
  /// - Throws: `ModelError` if the method is not defined for the model, or cannot be written.
  init(
    _ options: ExportOptions, _ function: ModelFunction, stacks: Bool
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
        self = .integratedGradients(try ExportedPath(method, function, stacks: stacks))
      }
    case is IntegratedGradients:
      self = .integratedGradients(try ExportedPath(method, function, stacks: stacks))
    default:
      throw ModelError(
        "method '\(method.name)' cannot be written into a model; gradient, input-x-gradient, xg and "
          + "ig can", kind: .usage)
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

  /// The path, where there is one.
  var path: ExportedPath? {
    guard case .integratedGradients(let path) = self else { return nil }
    return path
  }

  /// What is taken where mean gradients cannot be written; nil where nobody left the choice.
  var withoutMeans: ExportedMethod? { path?.withoutMeans.map(ExportedMethod.integratedGradients) }

  /// Whether attributions are shares of a score.
  var explainsScores: Bool {
    if case .gradient = self { false } else { true }
  }
}
