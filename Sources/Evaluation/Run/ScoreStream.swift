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
  private var others: [ModelFunction.Others] = []
  private var receivers: [([Double]) -> Void] = []

  init(_ function: ModelFunction) {
    self.function = function
    givesProbabilities = function.givesProbabilities
  }

  /// Takes a point, a batch of one row, what it has in the place of inputs that are held, and what is to
  /// be done with its scores, now or later.
  func add(
    _ point: Tensor, beside others: ModelFunction.Others, _ receive: @escaping ([Double]) -> Void
  ) throws(ModelError) {
    points.append(point.reshaped(to: Shape([1] + function.pointShape)))
    self.others.append(others)
    receivers.append(receive)
    if points.count >= function.batchSize { try flush() }
  }

  /// Scores the points that wait.
  func flush() throws(ModelError) {
    guard !points.isEmpty else { return }
    let scores = try function.scores(at: Tensor(stacking: points), beside: others)
    for (receive, scores) in zip(receivers, scores) { receive(scores) }
    points = []
    others = []
    receivers = []
  }
}
