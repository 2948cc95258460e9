package import Graphs
package import Tensors

/// What an attribution method needs of a model: scores and gradients at points of one input.
///
/// A point is a row of a batch. The model of a file is one (`ModelFunction`); tests use functions
/// whose attributions are known in closed form.
package protocol DifferentiableFunction: AnyObject {
  /// The shape of one point, without the batch dimension.
  var pointShape: Shape { get }
  /// The element type of points and gradients: float32 or float64.
  var elementType: ElementType { get }
  /// Points per evaluation that cost least each.
  var batchSize: Int { get }
  /// Evaluations so far, point by point.
  var passes: Passes { get }

  /// All scores at each of the points, which are the rows of `points`.
  func scores(at points: Tensor) throws(ModelError) -> [[Double]]

  /// For each row of `points` the score of `target` and its gradient, a row of the tensor.
  func gradients(
    at points: Tensor, target: Int
  ) throws(ModelError) -> (scores: [Double], gradients: Tensor)
}

/// How often a model was evaluated, counted in points.
public struct Passes: Sendable, Hashable, Codable {
  /// Evaluations of the model.
  public var forward = 0
  /// Evaluations of its gradient.
  public var backward = 0

  /// No evaluations.
  public init() {}
}
