import Attribution
import Graphs
import Operators
import Tensors
import Testing

/// Occlusion of linear models, where hiding elements loses the sum of their products.
@Suite struct OcclusionTests {
  private func losses(
    _ item: String, _ shape: Shape, baseline: Double = 0
  ) throws -> (products: [Double], map: [Double]) {
    let weights = ToyFunction.point(shape, seed: 5).doubles
    let function = try ToyFunction.linear(shape, [weights], bias: [3])
    let point = ToyFunction.point(shape)
    let start = Tensor(repeating: baseline, shape: point.shape)
    let map = try Method(item).map(of: function, at: point, from: start)
    return (
      zip(weights, point.doubles).map { $0 * ($1 - baseline) }, map.values.doubles
    )
  }

  @Test func elementsAloneAreProducts() throws {
    let (products, map) = try losses("occlusion:patch=1", [7], baseline: 0.3)
    #expect(difference(products, map) < 1e-13)
  }

  /// {0, 1}, {2, 3} and, cut off at the border, {4}.
  @Test func theLastPatchIsCutOff() throws {
    let (p, map) = try losses("occlusion:patch=2:stride=2", [5])
    let expected = [p[0] + p[1], p[0] + p[1], p[2] + p[3], p[2] + p[3], p[4]]
    #expect(difference(map, expected) < 1e-13)
  }

  /// {0, 1}, {1, 2}, {2, 3}: what lies in two patches gets their mean.
  @Test func overlapsAreAveraged() throws {
    let (p, map) = try losses("occlusion:patch=2:stride=1", [4])
    let pairs = [p[0] + p[1], p[1] + p[2], p[2] + p[3]]
    let expected = [pairs[0], (pairs[0] + pairs[1]) / 2, (pairs[1] + pairs[2]) / 2, pairs[2]]
    #expect(difference(map, expected) < 1e-13)
  }

  /// Two rows of two columns of patches over all three channels, wherever these are.
  @Test(arguments: [true, false])
  func patchesOfPicturesCoverAllChannels(isChannelsLast: Bool) throws {
    let shape: Shape = isChannelsLast ? [4, 4, 3] : [3, 4, 4]
    func place(_ channel: Int, _ row: Int, _ column: Int) -> Int {
      isChannelsLast ? (row * 4 + column) * 3 + channel : (channel * 4 + row) * 4 + column
    }
    let (products, map) = try losses("occlusion:patch=2:stride=2", shape)
    for row in 0..<4 {
      for column in 0..<4 {
        var sum = 0.0
        for channel in 0..<3 {
          for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            sum += products[place(channel, row / 2 * 2 + y, column / 2 * 2 + x)]
          }
        }
        for channel in 0..<3 { #expect(abs(map[place(channel, row, column)] - sum) < 1e-13) }
      }
    }
  }

  @Test func eachTargetIsJudgedByTheSameRuns() throws {
    let function = try ToyFunction.linear([3], [[1, 2, 3], [-1, 0, 5]])
    let point = Tensor([1.0, 1, 2], shape: [1, 3])
    let problem = Problem(function, at: point, baseline: point.zeros()) { _ in [1, 0] }
    let maps = try Method("occlusion").maps(of: problem, from: [point.zeros()]).maps
    #expect(maps.map(\.target) == [1, 0])
    #expect(difference(maps[0].map.values.doubles, [-1, 0, 10]) < 1e-13)
    #expect(difference(maps[1].map.values.doubles, [1, 2, 6]) < 1e-13)
  }

  @Test(arguments: [
    ("occlusion:patch=9", "shorter side is 8"), ("occlusion:stride=9", "shorter side is 8"),
  ])
  func patchesLargerThanTheInputAreRefused(item: String, reason: String) throws {
    let error = #expect(throws: ModelError.self) { try losses(item, [8, 9]) }
    #expect(error?.kind == .usage && error?.reason.contains(reason) ?? false)
  }

  /// A one-dimensional convolution of weights of one sums over channels and places: whatever is hidden of a
  /// place, all its channels are. The channels are those that the convolution reads, transposed or not.
  @Test(arguments: [true, false])
  func patchesOfSequencesCoverAllChannels(isChannelsLast: Bool) throws {
    let shape: Shape = isChannelsLast ? [6, 2] : [2, 6]
    let function = try ToyFunction.make(shape) { builder, x in
      let transpose = Transpose(permutation: [0, 2, 1])
      let steps = isChannelsLast ? ToyFunction.node(&builder, transpose, [x], "steps") : x
      let weights = builder.constant(Tensor([1.0, 1], shape: [1, 2, 1]))
      let sums = ToyFunction.node(
        &builder, try ToyFunction.operation("Conv", inputs: 2), [steps, weights], "sums")
      return ToyFunction.node(&builder, Flatten(), [sums], "scores")
    }
    let point = Tensor((0..<12).map { Double($0 * $0) }, shape: Shape([1] + shape))
    let map = try Method("occlusion:patch=2:stride=2").map(
      of: function, at: point, from: point.zeros()
    ).values.doubles
    func place(_ channel: Int, _ step: Int) -> Int {
      isChannelsLast ? step * 2 + channel : channel * 6 + step
    }
    // The score is that of place 0, of which the first patch hides both channels.
    let loss = Double(place(0, 0) * place(0, 0) + place(1, 0) * place(1, 0))
    for step in 0..<6 {
      for channel in 0..<2 { #expect(map[place(channel, step)] == (step < 2 ? loss : 0)) }
    }
  }
}
