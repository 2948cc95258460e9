import Evaluation
import Testing

@Suite struct ResamplingTests {
  @Test(arguments: [(16, 12), (80, 50), (37, 10), (5, 29), (1, 1), (36, 30)])
  func equalsPillow(width: Int, height: Int) throws {
    let resized = try Golden.picture("source.png").resized(width: width, height: height)
    #expect(try resized == Golden.ppm("resized-\(width)x\(height).ppm"))
  }

  /// From version 13 on Pillow starts with the columns where the height shrinks much more.
  @Test func isWithinARoundingOfPillowsOtherOrder() throws {
    let resized = try Golden.picture("source.png").resized(width: 100, height: 7)
    #expect(try difference(resized, Golden.ppm("resized-100x7.ppm")) <= 1)
  }

  @Test func keepsAPictureOfOneColour() {
    let grey = Picture(width: 9, height: 5, pixels: Array(repeating: 137, count: 135))
    for (width, height) in [(3, 2), (9, 5), (31, 17)] {
      let resized = grey.resized(width: width, height: height)
      #expect(resized.pixels == Array(repeating: 137, count: 3 * width * height))
    }
  }
}
