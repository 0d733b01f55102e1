package coworker.analysis;

import java.util.List;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.elasticsearch.plugin.Inject;
import org.elasticsearch.plugin.NamedComponent;
import org.elasticsearch.plugin.analysis.TokenFilterFactory;

/** Adds what the groups of the patterns capture as tokens of their own. */
@NamedComponent("pattern_capture")
public class PatternCapture implements TokenFilterFactory {
    private final boolean preserveOriginal;
    private final Pattern[] patterns;

    @Inject
    public PatternCapture(PatternCaptureSettings settings) {
        List<String> texts = settings.patterns();
        this.preserveOriginal = settings.preserveOriginal();
        this.patterns = texts.stream().map(Pattern::compile).toArray(Pattern[]::new);
    }

    @Override
    public TokenStream create(TokenStream tokens) {
        return new PatternCaptureGroupTokenFilter(tokens, preserveOriginal, patterns);
    }
}
