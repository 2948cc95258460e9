import Attribution
import Tensors
import Testing

@Suite struct BaselineTests {
  private let point = Tensor((0..<48).map(Double.init), shape: [1, 3, 4, 4])

  @Test func theMeanIsTakenPerChannel() {
    let mean = point.meanBaseline(channelAxis: 1).elements(as: Double.self)
    #expect(Set(mean[0..<16]) == [7.5] && Set(mean[16..<32]) == [23.5])
    let last = Tensor((0..<6).map(Double.init), shape: [1, 1, 3, 2])
    #expect(last.meanBaseline(channelAxis: 3).elements(as: Double.self) == [2, 3, 2, 3, 2, 3])
    #expect(
      Tensor([1.0, 3], shape: [1, 2]).meanBaseline(channelAxis: nil).elements(as: Double.self)
        == [2, 2])
  }

  @Test func noiseIsSeededAndWithinTheRange() {
    let noise = point.noiseBaseline(seed: 3).elements(as: Double.self)
    #expect(noise == point.noiseBaseline(seed: 3).elements(as: Double.self))
    #expect(noise != point.noiseBaseline(seed: 4).elements(as: Double.self))
    #expect(noise.allSatisfy { (0...47).contains($0) })
  }

  @Test func blurKeepsConstantsAndSmoothsEdges() {
    let flat = Tensor(repeating: 3.0, shape: [1, 2, 5, 7])
    for value in flat.blurBaseline(channelAxis: 1).elements(as: Double.self) {
      #expect(abs(value - 3) < 1e-12)
    }
    let step = Tensor((0..<64).map { $0 % 8 < 4 ? 0.0 : 1 }, shape: [1, 1, 8, 8])
    let blurred = step.blurBaseline(channelAxis: 1).elements(as: Double.self)
    #expect(blurred.allSatisfy { $0 > 0.3 && $0 < 0.7 })
  }

  @Test func colorsFillTheirChannels() {
    let color = point.colorBaseline([1, 2, 3], channelAxis: 1).elements(as: Double.self)
    #expect(Set(color[0..<16]) == [1] && Set(color[32..<48]) == [3])
  }

  @Test func namesAreRead() {
    #expect(Baseline("noise:7") == .noise(seed: 7))
    #expect(Baseline("noise:") == nil && Baseline("noise:-1") == nil)
    #expect(Baseline("black") == .black)
    #expect(Baseline("grey.png") == .file("grey.png"))
  }
}
