import Attribution
import Evaluation
import Foundation
import Graphs
import Tensors
import Testing

struct MetricTests {
  @Test func rankingsAreStable() {
    let ranking = PixelRanking([0, 2, -1, 2, -3, 0, 1])
    #expect(ranking.positive == [1, 3, 6])
    #expect(ranking.negative == [4, 2])
    #expect(ranking.absolute == [4, 1, 3, 2, 6])
    #expect(ranking.signed == [1, 3, 6, 0, 5, 2, 4])
    #expect(PixelRanking([.nan, 1]).positive == [1])
  }

  /// numpy.geomspace(.01, 1, 16), first, second and last.
  @Test func sharesOfPixels() {
    #expect(Curve.maskShares.count == 16)
    #expect(abs(Curve.maskShares[0] - 0.01) < 1e-15)
    #expect(abs(Curve.maskShares[1] - 0.013593563908785257) < 1e-15)
    #expect(Curve.maskShares[15] == 1)
    #expect(Curve.area([1, 1, 3], over: [0, 1, 3]) == 5)
    #expect(abs(Curve.area(Curve.maskShares.map { _ in 1 }, over: Curve.maskShares) - 0.99) < 1e-15)
  }

  /// Of n numbers of which one is not 0 the index is 1 - 1/n; of equal ones 0.
  @Test func gini() throws {
    #expect(abs(try #require(giniIndex([0, 0, -5, 0])) - 0.75) < 1e-15)
    #expect(abs(try #require(giniIndex([2, -2, 2]))) < 1e-15)
    #expect(giniIndex([0, 0]) == nil)
  }

  @Test func localization() throws {
    let found = try #require(Localization([1, 3, 0, 4], mask: [true, true, false, false]))
    #expect(found.pointing == 0)
    #expect(found.mass == 0.5)
    #expect(try #require(Localization([4, 4], mask: [true, false])).pointing == 100)
    #expect(Localization([0, 0], mask: [true, false]) == nil)
  }

  @Test(arguments: [true, false]) func pixelsAppear(isChannelsLast: Bool) throws {
    let shape: Shape = isChannelsLast ? [2, 2, 3] : [3, 2, 2]
    let layout = try #require(PixelLayout(shape, isChannelsLast: isChannelsLast))
    let source = Tensor((1...12).map(Float.init), shape: shape)
    var picture = Unmasking(of: source, on: Tensor(repeating: Float(0), shape: shape), layout)
    picture.reveal([2])
    let expected: [Float] =
      isChannelsLast
      ? [0, 0, 0, 0, 0, 0, 7, 8, 9, 0, 0, 0] : [0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 11, 0]
    #expect(picture.tensor.elements(as: Float.self) == expected)
    picture.reveal([0, 1, 3])
    #expect(picture.tensor.elements(as: Float.self) == source.elements(as: Float.self))
    let map = source.converted(to: .float64)
    #expect(layout.means(map)[2] == (isChannelsLast ? 8 : 7))
    #expect(PixelLayout([4], isChannelsLast: false) == nil)
  }

  /// The places of a layer whose channels lie between them.
  @Test func placesAroundChannels() {
    let layout = PixelLayout(SpatialLayout([2, 3, 2], channelAxis: 1))
    #expect(layout.count == 4 && layout.channels == 3)
    #expect(
      (0..<4).map { Array(layout.elements(of: $0)) } == [
        [0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11],
      ])
    let each = PixelLayout(SpatialLayout([2, 2], channelAxis: nil))
    #expect((0..<4).map { Array(each.elements(of: $0)) } == [[0], [1], [2], [3]])
  }

  @Test func differencesAddUp() {
    var whole = DifferenceParts()
    whole.add([1, 2], from: [2, 4])
    var other = DifferenceParts()
    other.add([0, 0], from: [1, -1])
    whole.add(other)
    #expect(whole.numbers == [5, 8, 4])
    #expect(abs(whole.percentage - 100 * 1.25 / (2 + 1e-7)) < 1e-12)
    #expect(DifferenceParts(whole.numbers)?.ratio == whole.ratio)
  }

  /// The same sample, seed and purpose give the same numbers, and only these.
  @Test func noiseBelongsToItsSample() {
    func draw(_ seed: UInt64, _ digest: String, _ purpose: String) -> [Double] {
      var noise = SampleNoise(seed: seed, digest: digest, purpose: purpose)
      return (0..<4).map { _ in noise.uniform() }
    }
    #expect(draw(1, "ab", "x") == draw(1, "ab", "x"))
    let others = [draw(2, "ab", "x"), draw(1, "ac", "x"), draw(1, "ab", "y")]
    #expect(others.allSatisfy { $0 != draw(1, "ab", "x") })
    var noise = SampleNoise(seed: 7, digest: "", purpose: "")
    let normals = (0..<20_000).map { _ in noise.normal() }
    let mean = normals.reduce(0, +) / 20_000
    let variance = normals.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
    #expect(abs(mean) < 0.03)
    #expect(abs(variance - 1) < 0.05)
  }
}
