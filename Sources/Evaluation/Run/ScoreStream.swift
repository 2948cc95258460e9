import Attribution
import Graphs
import Tensors

/// Scores points in full batches, whichever sample and metric they belong to.
///
/// A point's scores do not depend on its neighbours: batches always have the same size.
final class ScoreStream {
  /// Whether scores are probabilities already.
  let givesProbabilities: Bool

  private let function: ModelFunction
  private var points: [Tensor] = []
  private var receivers: [([Double]) -> Void] = []

  init(_ function: ModelFunction) {
    self.function = function
    givesProbabilities = function.givesProbabilities
  }

  /// Takes a point, a batch of one row, and what is to be done with its scores, now or later.
  func add(_ point: Tensor, _ receive: @escaping ([Double]) -> Void) throws(ModelError) {
    points.append(point.reshaped(to: Shape([1] + function.pointShape)))
    receivers.append(receive)
    if points.count >= function.batchSize { try flush() }
  }

  /// Scores the points that wait.
  func flush() throws(ModelError) {
    guard !points.isEmpty else { return }
    let scores = try function.scores(at: Tensor(stacking: points))
    for (receive, scores) in zip(receivers, scores) { receive(scores) }
    points = []
    receivers = []
  }
}
