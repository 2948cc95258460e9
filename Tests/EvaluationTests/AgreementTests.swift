import Evaluation
import Testing

struct AgreementTests {
  @Test func sharesAndCosine() {
    let scores: [[Double]] = [[0, 3, 1], [2, 1, 0]]
    let other: [[Double]] = [[0, 6, 2], [1, 2, 0]]
    let agreement = Agreement(of: other, with: scores)
    #expect(agreement.count == 2)
    #expect(agreement.top1 == 0.5)
    #expect(agreement.top5 == 1)
    #expect(abs(agreement.cosine - (1 + 4.0 / 5) / 2) < 1e-12)
  }

  @Test func onlyTheFiveBestCount() {
    let scores: [[Double]] = [[9, 0, 0, 0, 0, 0, 0]]
    #expect(Agreement(of: [[5, 9, 8, 7, 6, 1, 0]], with: scores).top5 == 1)
    #expect(Agreement(of: [[5, 9, 8, 7, 6, 5.5, 0]], with: scores).top5 == 0)
    // Of equal scores the first is the better.
    #expect(Agreement(of: [[5, 5, 5, 5, 5, 5, 5]], with: scores).top1 == 1)
    #expect(Agreement(of: [[.nan, 0, 0, 0, 0, 0, 0]], with: scores).top5 == 0)
  }

  @Test func accuracyCountsLabelledRows() {
    let scores: [[Double]] = [[1, 0], [1, 0], [0, 1]]
    let accuracy = Accuracy(of: scores, labels: [0, 1, nil])
    #expect(accuracy?.count == 2)
    #expect(accuracy?.top1 == 0.5)
    #expect(accuracy?.top5 == 1)
    #expect(Accuracy(of: scores, labels: [nil, nil, nil]) == nil)
  }

  /// mean |A - B| / (mean |A| + 1e-7), for each picture and for batches of 16.
  @Test func relativeDifference() {
    let references = [[1.0, -1, 2], [4, 4, 4]]
    let maps = [[1.0, -1, 1], [4, 4, 7]]
    let difference = RelativeDifference(of: maps, from: references)
    #expect(abs(difference.perPicture - (1.0 / 4 + 3.0 / 12) / 2) < 1e-6)
    #expect(abs(difference.perBatch - 4.0 / 16) < 1e-6)
    let many = RelativeDifference(
      of: Array(repeating: [0.0], count: 17), from: Array(repeating: [1.0], count: 16) + [[3]])
    #expect(many.count == 17)
    #expect(abs(many.perBatch - 1) < 1e-6)
  }
}
